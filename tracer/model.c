/* The model: see model.h. */
#include "tracer/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/attribution.h"
#include "tracer/exchanges.h"

struct model *model_create(size_t requests_max)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m || !(m->meta = json_object())) {
		free(m);
		err_set("out of memory for a model");
		return NULL;
	}
	m->request_capacity = requests_max;
	m->sample_state = 0x9e3779b97f4a7c15u;
	m->domain_count = 1;
	for (int i = 0; i < CLOCK_DOMAINS_MAX; i++)
		m->domains[i].shortest_in_ns = m->domains[i].shortest_out_ns = INT64_MAX;
	m->domains[0].aligned = true;
	snprintf(m->domains[0].name, sizeof(m->domains[0].name), "host");
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (int hop = 0; hop < HOP_COUNT; hop++)
		quantile_free(&m->hops[hop].took);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			quantile_free(&m->layers[layer][d].took);
	quantile_free(&m->end_to_end);
	quantile_free(&m->unattributed);
	for (int d = 0; d < DIRECTION_COUNT; d++)
		quantile_free(&m->outside[d]);
	for (int kind = 0; kind < EXIT_KINDS; kind++)
		quantile_free(&m->exits[kind].per_request);
	quantile_free(&m->exits_per_request);
	quantile_free(&m->interrupts_per_request);
	vm_vitals_free(&m->vitals);
	json_decref(m->meta);
	free(m->requests);
	free(m);
}

uint64_t model_lost(const struct model *m)
{
	uint64_t sum = 0;

	for (int i = 0; i < LOST_STAGES; i++)
		sum += m->lost[i];
	return sum;
}

bool model_is_dark(const struct model *m, uint8_t vm)
{
	for (unsigned int i = 1; i < m->domain_count; i++)
		if (m->domains[i].vm == vm && m->domains[i].events)
			return false;
	return vm && place_is_vm(m->place);
}

static bool of_client(int hop)
{
	return hop == HOP_CLIENT_SEND || hop == HOP_CLIENT_XMIT || hop == HOP_CLIENT_RX ||
	       hop == HOP_CLIENT_RECV;
}

bool model_covers(const struct model *m, const struct request *r, int hop)
{
	if (of_client(hop))
		return !r->client_vm || !model_is_dark(m, r->client_vm);
	return hop < HOP_GUEST_IRQ || hop > HOP_STACK_XMIT || !model_is_dark(m, r->vm);
}

const char *model_vm_name(const struct model *m, uint8_t vm)
{
	static const char prefix[] = "guest:";

	for (unsigned int i = 1; vm && i < m->domain_count; i++) {
		const char *name = m->domains[i].name;

		if (m->domains[i].vm == vm)
			return strncmp(name, prefix, sizeof(prefix) - 1)
				       ? name
				       : name + sizeof(prefix) - 1;
	}
	return NULL;
}

/* ---- what META says ---- */

/* No control characters, for it is going to a terminal; cut between characters, for JSON. */
static void take_text(char *to, size_t size, const json_t *text)
{
	const char *s = json_is_string(text) ? json_string_value(text) : "";
	size_t out = 0;

	for (; *s && out + 1 < size; s++)
		if ((unsigned char)*s >= 0x20 && *s != 0x7f)
			to[out++] = *s;
	while (out && (*s & 0xc0) == 0x80 && (to[out - 1] & 0xc0) == 0x80)
		out--;
	if (out && (*s & 0xc0) == 0x80)
		out--;
	to[out] = '\0';
}

static void take_domains(struct model *m, const json_t *domains)
{
	json_t *d;
	size_t i;

	json_array_foreach (domains, i, d) {
		json_int_t n = json_integer_value(json_object_get(d, "domain"));

		if (n < 0 || n >= CLOCK_DOMAINS_MAX)
			continue;
		take_text(m->domains[n].name, sizeof(m->domains[n].name),
			  json_object_get(d, "name"));
		m->domains[n].vm = (uint8_t)json_integer_value(json_object_get(d, "vm"));
		if ((unsigned int)n >= m->domain_count)
			m->domain_count = (unsigned int)n + 1;
	}
}

static bool has_role(const json_t *devices, const char *role)
{
	json_t *d;
	size_t i;

	json_array_foreach (devices, i, d) {
		const char *r = json_string_value(json_object_get(d, "role"));

		if (r && !strcmp(r, role))
			return true;
	}
	return false;
}

/* Recordings from before there were several modes say "vm". */
static enum strata_place place_of(const char *name)
{
	return strcmp(name, "vm") ? place_by_name(name) : PLACE_VIRTIO;
}

static void take_ksoftirqd(struct model *m, const json_t *tids, json_int_t domain)
{
	json_t *tid;
	size_t i;

	json_array_foreach (tids, i, tid) {
		struct model_thread t = {(uint32_t)json_integer_value(tid), (uint8_t)domain};

		if (m->ksoftirqd_count < MODEL_KSOFTIRQD_MAX && t.tid &&
		    !model_is_ksoftirqd(m, t.domain, t.tid))
			m->ksoftirqd[m->ksoftirqd_count++] = t;
	}
}

bool model_is_ksoftirqd(const struct model *m, uint8_t domain, uint32_t tid)
{
	for (size_t i = 0; i < m->ksoftirqd_count; i++)
		if (m->ksoftirqd[i].tid == tid && m->ksoftirqd[i].domain == domain)
			return true;
	return false;
}

bool model_is_capture(const struct model *m)
{
	const char *backend = json_string_value(json_object_get(m->meta, "backend"));

	return backend && !strcmp(backend, "pcap");
}

/* Without it nothing is known of when tasks were ready to run, or ran. */
static bool follows_tasks(const json_t *probe)
{
	const char *name = json_string_value(json_object_get(probe, "name"));

	return name &&
	       (!strcmp(name, "tp_btf/sched_switch") || !strcmp(name, "tp_btf/sched_waking"));
}

/* What threads there are, and whether they were followed. */
static void take_tasks(struct model *m)
{
	json_t *kind, *agent, *probe;
	const char *domain;
	size_t i;

	json_array_foreach (json_object_get(m->meta, "event_kinds"), i, kind)
		if (json_is_string(kind) &&
		    !strcmp(json_string_value(kind), event_kind_name(CONTEXT_TASK_OFF)))
			m->causes_told = true;
	if (model_is_capture(m))
		m->causes_told = false;
	json_array_foreach (json_object_get(m->meta, "probes"), i, probe)
		if (follows_tasks(probe) && !json_is_true(json_object_get(probe, "attached")))
			m->causes_told = false;
	take_ksoftirqd(m, json_object_get(m->meta, "ksoftirqd"), 0);
	json_object_foreach (json_object_get(m->meta, "agents"), domain, agent)
		take_ksoftirqd(m, json_object_get(agent, "ksoftirqd"),
			       strtol(domain, NULL, 10));
}

uint16_t model_learn_actor(struct model *m, const struct strata_event *e)
{
	uint16_t known = m->actors.count, actor = actors_learn(&m->actors, e);

	if (m->actors.count != known)
		actor_take(&m->actors.at[actor], json_object_get(m->meta, "rivals"));
	return actor;
}

int model_take_meta(struct model *m, const json_t *meta)
{
	const char *place, *protocol;

	json_object_update(m->meta, (json_t *)meta);
	take_text(m->mode, sizeof(m->mode), json_object_get(m->meta, "mode"));
	take_text(m->switch_kind, sizeof(m->switch_kind), json_object_get(m->meta, "switch"));
	place = json_string_value(json_object_get(m->meta, "place"));
	m->place = place ? place_of(place) : PLACE_NONE;
	protocol = json_string_value(json_object_get(m->meta, "protocol"));
	if (protocol && protocol_by_name(protocol) >= 0)
		m->protocol = (enum protocol)protocol_by_name(protocol);
	m->plaintext = m->plaintext || json_is_true(json_object_get(m->meta, "plaintext"));
	m->testbed = json_is_true(json_object_get(m->meta, "testbed"));
	m->sample = (unsigned int)json_integer_value(json_object_get(m->meta, "sample"));
	m->client_here = has_role(json_object_get(m->meta, "devices"), "client");
	take_domains(m, json_object_get(m->meta, "domains"));
	take_tasks(m);
	for (uint16_t i = 1; i < m->actors.count; i++)
		actor_take(&m->actors.at[i], json_object_get(m->meta, "rivals"));
	return 0;
}

static void mark_listed(struct model *m, const char *list, bool inferred)
{
	const json_t *names = json_object_get(json_object_get(m->meta, "hops"), list);
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		int hop = json_is_string(name) ? hop_by_name(json_string_value(name)) : -1;

		if (hop >= 0 && inferred)
			m->hops[hop].inferred = true;
		else if (hop >= 0)
			m->hops[hop].in_force = true;
	}
}

/*
 * The outermost hops that can be seen: the client's where it is here, else the NIC's: the
 * host's, or the guest's own. Of that one's frames the host sees at most the interrupt.
 */
static void choose_ends(struct model *m)
{
	m->first = m->earliest = HOP_NIC_RX;
	m->last = HOP_NIC_XMIT;
	if (m->place == PLACE_PASSTHROUGH) {
		m->first = m->hops[HOP_GUEST_NAPI].in_force ? HOP_GUEST_NAPI : HOP_STACK_RX;
		m->earliest = HOP_VFIO_IRQ;
	}
	if (!m->client_here)
		return;
	for (int hop = HOP_NIC_RX; hop >= 0; hop--)
		if (of_client(hop) && m->hops[hop].in_force)
			m->first = (enum strata_hop)hop;
	for (int hop = HOP_NIC_XMIT; hop < HOP_COUNT; hop++)
		if (of_client(hop) && m->hops[hop].in_force)
			m->last = (enum strata_hop)hop;
	m->earliest = m->first;
}

int model_conclude(struct model *m)
{
	bool told =
		json_is_array(json_object_get(json_object_get(m->meta, "hops"), "in_force"));

	if (m->place == PLACE_NONE)
		return err_set("the recording does not say where the server ran (place): its "
			       "beginning is damaged, or it is empty");
	mark_listed(m, "in_force", false);
	mark_listed(m, "inferred", true);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		struct model_hop *h = &m->hops[hop];

		h->here = (hop_table[hop].places & m->place) &&
			  (m->client_here || !of_client(hop));
		if (!told) /* what was seen was in force */
			h->in_force = h->events > 0;
		/* of VMs that nobody looks into; of Open vSwitch alone */
		if (hop == HOP_GUEST || hop_is_upcall(hop))
			h->here = h->here && h->in_force;
		h->in_force = h->in_force && h->here;
		h->needed = h->in_force && (hop_table[hop].needed & m->place);
		/* an optional hop that never once was seen is not there: a veth has no
		 * interrupts */
		h->expected = h->in_force && (h->needed || h->events);
	}
	choose_ends(m);
	return 0;
}

/* ---- requests ---- */

static uint64_t next_random(struct model *m)
{
	/* splitmix64: the sample must be fair and the same each time, no more */
	uint64_t z = m->sample_state += 0x9e3779b97f4a7c15u;

	return flow_mix(z, z >> 30);
}

/* Reservoir sampling (Vitter, algorithm R): each request is kept with the same chance. Or the
 * latest are kept. */
static int keep(struct model *m, const struct request *r)
{
	uint64_t at;

	if (!m->request_capacity)
		return 0;
	if (!m->requests) {
		m->requests = malloc(m->request_capacity * sizeof(*m->requests));
		if (!m->requests)
			return err_set("out of memory for %zu requests", m->request_capacity);
	}
	if (m->request_count < m->request_capacity) {
		m->requests[m->request_count++] = *r;
		return 0;
	}
	at = m->latest ? (m->seen - 1) % m->request_capacity : next_random(m) % m->seen;
	if (at < m->request_capacity)
		m->requests[at] = *r;
	return 0;
}

void model_take_exit(struct model *m, uint32_t reason)
{
	struct model_exits *x = &m->exits[exit_kind(reason)];
	const char *name = exit_name(reason);

	x->seen++;
	for (size_t i = 0; name && i < sizeof(x->names) / sizeof(x->names[0]); i++) {
		if (!x->names[i])
			x->names[i] = name;
		if (x->names[i] == name)
			return;
	}
}

static int add_counts(struct model *m, const struct request *r)
{
	uint64_t exits = 0;
	int failed = 0;

	for (int kind = 0; kind < EXIT_KINDS; kind++) {
		failed |= quantile_add(&m->exits[kind].per_request, r->exits[kind]);
		exits += r->exits[kind];
	}
	failed |= quantile_add(&m->exits_per_request, exits);
	failed |= quantile_add(&m->interrupts_per_request, r->interrupts);
	return failed ? -1 : 0;
}

static void add_causes(struct model *m, const struct request *r)
{
	for (uint8_t i = 0; i < r->causes.count; i++) {
		const struct request_cause *at = &r->causes.at[i];
		struct model_cause *c = &m->causes[at->hop][at->cause];
		bool first = true;

		for (uint8_t k = 0; k < i; k++)
			first = first && (r->causes.at[k].hop != at->hop ||
					  r->causes.at[k].cause != at->cause);
		c->requests += first;
		c->sum_ns += at->ns;
		if (at->ns > c->max_ns)
			c->max_ns = at->ns;
		m->actors.at[at->actor].had_ns += at->ns;
	}
}

static int add_figures(struct model *m, const struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);
	bool known[LAYER_COUNT][DIRECTION_COUNT] = {{false}};
	int failed = 0;

	for (size_t i = 0; i < n; i++) {
		const struct hop_info *hop = &hop_table[rungs[i].hop];

		m->hops[rungs[i].hop].count++;
		if (i + 1 == n || rungs[i].unattributed)
			continue;
		failed |= quantile_add(&m->hops[rungs[i].hop].took, rungs[i].took_ns);
		known[hop->layer][hop->direction] = true;
	}
	/* a layer of which nothing is known took an unknown time, not none */
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			if (known[layer][d])
				failed |= quantile_add(&m->layers[layer][d].took,
						       r->layer_ns[layer][d]);
	add_causes(m, r);
	for (int d = 0; d < DIRECTION_COUNT && place_is_vm(m->place); d++)
		failed |= quantile_add(&m->outside[d], r->outside_ns[d]);
	failed |= quantile_add(&m->end_to_end, r->end_to_end_ns);
	failed |= quantile_add(&m->unattributed, r->unattributed_ns[DIRECTION_REQUEST] +
							 r->unattributed_ns[DIRECTION_REPLY]);
	return failed ? -1 : 0;
}

int model_add(struct model *m, struct request *r)
{
	attribute(m, r);
	if (m->filter && !filter_request(m->filter, m, r)) {
		m->filtered++;
		return 0;
	}
	r->number = ++m->seen;
	m->complete += r->complete;
	m->partial += !r->complete;
	m->unanswered += !r->http.answered;
	m->retransmits += r->retransmits;
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (m->hops[hop].needed && !(r->hops[hop].flags & HOP_SEEN) &&
		    model_covers(m, r, hop))
			m->hops[hop].missing++;
	if (r->hops[HOP_KVM_IRQ].flags & HOP_SEEN)
		messages_announced(&m->messages, r->vm, r->hops[HOP_KVM_IRQ].len,
				   r->hops[HOP_KVM_IRQ].seq);
	if (r->measured) {
		m->measured++;
		if (add_figures(m, r) || (r->counted && add_counts(m, r)))
			return -1;
	}
	if (m->on_request && m->on_request(m->on_request_ctx, m, r))
		return -1;
	return keep(m, r);
}
