/* A tracing session: see session.h. */
#include "tracer/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/now.h"
#include "lib/recording.h"
#include "lib/threads.h"
#include "tracer/flight.h"
#include "tracer/kinds.h"
#include "tracer/source.h"
#include "tracer/vitals.h"
#include "tracer/watch.h"

#define POLL_NS          4000000L
#define CLOCK_EVERY_NS   100000000ULL
#define FLUSH_EVERY_NS   1000000000ULL
#define COST_EVERY_NS    3000000000ULL
#define GUEST_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS  10000

struct session {
	struct topology topology; /* a copy; the descriptors stay the caller's */
	struct session_options options;
	struct filter filter;
	struct recording_writer *recording;
	struct flight *flight; /* NULL: nothing is chosen */
	pthread_mutex_t lock;  /* recording: collector thread and session_meta() */

	struct watch watch;
	uint64_t watch_lost;
	struct source sources[2 * TOPOLOGY_VMS_MAX];
	unsigned int source_count;
	struct vitals *vitals; /* NULL: there is no VM */
	json_t *answers;       /* by VM index as text: what its agent answered */

	pthread_t thread;
	bool running;
	atomic_bool stop;
	bool failed; /* the recording could not be written; why is in why */
	char why[512];
	int failed_fd; /* readable from then on */
	_Atomic uint64_t events;
	uint64_t last_clock_ns, last_flush_ns, last_cost_ns;
	uint64_t asked_ns, attach_ns; /* when it was told to start; how long that took */
};

static void fail(struct session *s)
{
	if (!s->failed)
		snprintf(s->why, sizeof(s->why), "%s", err_text());
	s->failed = true;
	eventfd_write(s->failed_fd, 1);
}

static void on_events(void *ctx, const struct strata_event *e, size_t count)
{
	struct session *s = ctx;

	s->events += count;
	if (!s->failed && recording_events(s->recording, e, count))
		fail(s);
}

/* In the thread that looks at the VMs. */
static void on_vital(void *ctx, const struct strata_event *e)
{
	struct session *s = ctx;

	pthread_mutex_lock(&s->lock);
	on_events(s, e, 1);
	pthread_mutex_unlock(&s->lock);
}

static void look_at_wire(void *ctx, const struct strata_wire *w)
{
	struct session *s = ctx;

	if (s->flight && !s->failed && flight_wire(s->flight, w))
		fail(s);
}

static void on_wire(void *ctx, const struct strata_wire *w)
{
	struct session *s = ctx;

	if (!s->failed && recording_wire(s->recording, w))
		fail(s);
	look_at_wire(s, w);
}

static int note_lost(struct session *s)
{
	uint64_t now = watch_lost(&s->watch), lost = now - s->watch_lost;

	s->watch_lost = now;
	return lost ? recording_lost(s->recording, LOST_HOST_PROBES, lost) : 0;
}

/* What the probes have cost so far, for those who read on in the recording. A flight recorder
 * keeps all of META for ever: it is told at the end alone. */
static int note_cost(struct session *s)
{
	json_t *meta = json_pack("{s:o}", "probes", watch_probes_meta(&s->watch));
	int result = recording_meta(s->recording, meta);

	json_decref(meta);
	return result;
}

/* One round: everything that has gathered, into the recording. */
static void collect(struct session *s)
{
	uint64_t now = now_ns();

	if (s->flight && !s->failed && flight_until(s->flight, now))
		fail(s);
	if (watch_poll(&s->watch))
		fail(s);
	for (unsigned int i = 0; i < s->source_count && !s->failed; i++) {
		int n = source_drain(&s->sources[i], s->recording);

		if (n < 0)
			fail(s);
		else
			s->events += (uint64_t)n;
	}
	if (!s->failed && note_lost(s))
		fail(s);
	if (!s->failed && now - s->last_clock_ns >= CLOCK_EVERY_NS) {
		struct clock_sample sample = clock_sample_now();

		s->last_clock_ns = now;
		if (recording_clock(s->recording, 0, &sample))
			fail(s);
	}
	if (!s->failed && s->options.stats && !s->options.flight_bytes &&
	    now - s->last_cost_ns >= COST_EVERY_NS) {
		s->last_cost_ns = now;
		if (note_cost(s))
			fail(s);
	}
	if (!s->failed && now - s->last_flush_ns >= FLUSH_EVERY_NS) {
		s->last_flush_ns = now;
		if (recording_flush(s->recording))
			fail(s);
	}
}

static void *collector(void *arg)
{
	struct session *s = arg;
	struct timespec pause = {.tv_nsec = POLL_NS};

	while (!atomic_load(&s->stop)) {
		pthread_mutex_lock(&s->lock);
		collect(s);
		pthread_mutex_unlock(&s->lock);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* ---- starting ---- */

/* Where requests are looked for: at the host's NIC; where the VM has one of its own, no frame
 * passes here but at the client. If the client is elsewhere, too, the guest has to look. */
static bool is_wire(const struct topology *t, enum device_role role)
{
	return t->place == PLACE_PASSTHROUGH ? role == ROLE_CLIENT
					     : role == ROLE_UPLINK || role == ROLE_BARE;
}

/* Of several VMs one may ask another. */
static bool may_ask(const struct topology *t)
{
	unsigned int servers = 0;

	for (unsigned int i = 0; i < t->vm_count; i++)
		servers += !t->vms[i].bystander;
	return servers > 1;
}

static enum device_role role_in(const struct topology *t, const struct topology_device *d)
{
	return d->role == ROLE_PORT && d->vm && may_ask(t) ? ROLE_PEER : d->role;
}

static void fill_config(const struct session *s, struct probes_config *c)
{
	const struct topology *t = &s->topology;

	memset(c, 0, sizeof(*c));
	c->server_netns_fd = -1;
	c->wire_netns_fd = -1;
	c->wire_device = ~0u;
	c->nginx_path = t->nginx_path[0] ? t->nginx_path : NULL;
	c->no_fentry = s->options.no_fentry;
	c->no_uprobes = s->options.no_uprobes;
	c->uprobe_limit = s->options.uprobe_limit;
	c->stats = s->options.stats;
	c->sample = s->filter.sample;
	c->filter = s->filter.flows;
	c->port_count = t->port_count;
	memcpy(c->ports, t->ports, sizeof(t->ports));
	for (unsigned int i = 0; i < t->device_count; i++) {
		const struct topology_device *d = &t->devices[i];
		struct probes_device *p = &c->devices[c->device_count++];

		*p = (struct probes_device){.ifindex = d->ifindex,
					    .netns = netns_inode(d->netns_fd),
					    .role = role_in(t, d),
					    .index = (uint8_t)(i + 1),
					    .vm = d->vm,
					    .bridged = d->bridged,
					    .ovs = d->ovs,
					    .netns_fd = d->netns_fd};
		p->wire = is_wire(t, p->role) || p->role == ROLE_PEER;
		snprintf(p->name, sizeof(p->name), "%s", d->name);
		if (c->wire_device == ~0u && is_wire(t, d->role)) {
			c->wire_device = i;
			c->wire_netns_fd = d->netns_fd;
		}
		if (d->role == ROLE_SERVER)
			c->server_netns_fd = d->netns_fd;
	}
	for (unsigned int i = 0; i < t->vm_count; i++)
		c->vms[c->vm_count++] = t->vms[i].probes;
}

/* Open and start the ring of a VM's agent and that of its VMM. */
static int start_vm(struct session *s, unsigned int index)
{
	const struct topology_vm *vm = &s->topology.vms[index];
	struct source *agent = &s->sources[s->source_count], *vmm;
	json_t *request, *filter, *ports = json_array();
	int result = -1;

	for (unsigned int i = 0; i < s->topology.port_count; i++)
		json_array_append_new(ports, json_integer(s->topology.ports[i]));
	request = json_pack("{s:o,s:b,s:b,s:i,s:i,s:i,s:i,s:b,s:b,s:b,s:b,s:b}", "ports", ports,
			    "capture", s->options.pcap, "clients", may_ask(&s->topology),
			    "domain", (int)index + 1, "vm", vm->probes.vm, "sample",
			    (int)s->filter.sample, "uprobe_limit", (int)s->options.uprobe_limit,
			    "stats", s->options.stats, "no_uprobes", s->options.no_uprobes,
			    "no_fentry", s->options.no_fentry, "own_device",
			    s->topology.place == PLACE_PASSTHROUGH, "wire",
			    s->topology.place == PLACE_PASSTHROUGH &&
				    !topology_find(&s->topology, ROLE_CLIENT));
	filter = flow_filter_json(&s->filter.flows);
	if (filter)
		json_object_set_new(request, "filter", filter);
	if (vm->agent[0]) {
		snprintf(agent->name, sizeof(agent->name), "the agent in VM %s", vm->name);
		agent->domain = (uint8_t)(index + 1);
		agent->vm = vm->probes.vm;
		agent->stage = LOST_GUEST_PROBES;
		agent->has_clock = true;
		if (source_open(agent, vm->agent, GUEST_TIMEOUT_MS))
			goto out;
		agent->on_wire = look_at_wire;
		agent->ctx = s;
		source_start(agent, request);
		s->source_count++;
	}
	if (vm->ring_path[0]) {
		vmm = &s->sources[s->source_count];
		snprintf(vmm->name, sizeof(vmm->name), "the VMM of VM %s", vm->name);
		vmm->vm = vm->probes.vm;
		vmm->stage = LOST_VMM;
		if (source_open(vmm, vm->ring_path, STOP_TIMEOUT_MS))
			goto out;
		source_start(vmm, request);
		s->source_count++;
	}
	result = 0;
out:
	json_decref(request);
	return result;
}

/* Wait for the agents, and keep what they say. */
static int await_agents(struct session *s)
{
	int timeout =
		s->options.guest_timeout_ms ? s->options.guest_timeout_ms : GUEST_TIMEOUT_MS;

	for (unsigned int i = 0; i < s->source_count; i++) {
		struct source *src = &s->sources[i];
		char key[8];
		json_t *answer;

		if (!src->has_clock)
			continue;
		answer = source_wait_running(src, timeout);
		if (!answer)
			return -1;
		snprintf(key, sizeof(key), "%d", src->domain);
		json_object_set_new(s->answers, key, answer);
	}
	return 0;
}

/* ---- what the recording says of the probes ---- */

static bool agent_marks(const struct session *s, const char *list, const char *hop)
{
	const char *domain;
	json_t *answer, *name;
	size_t i;

	json_object_foreach (s->answers, domain, answer) {
		json_array_foreach (json_object_get(answer, list), i, name) {
			if (!strcmp(json_string_value(name) ? json_string_value(name) : "",
				    hop))
				return true;
		}
	}
	return false;
}

static bool vmm_marks(const struct session *s, enum strata_hop hop)
{
	return (hop == HOP_VMM_RX_READ || hop == HOP_VMM_RX_PUBLISH || hop == HOP_VMM_TX_POP) &&
	       s->topology.vm_count && s->topology.vms[0].ring_path[0];
}

/* Of a VM without an agent the guest as a whole follows from the hops around it. */
static bool marks_itself(const struct session *s, enum strata_hop hop)
{
	for (unsigned int i = 0; hop == HOP_GUEST && i < s->topology.vm_count; i++) {
		char key[12];

		snprintf(key, sizeof(key), "%u", i + 1);
		if (!s->topology.vms[i].bystander && !json_object_get(s->answers, key))
			return true;
	}
	return false;
}

static json_t *hops_meta(const struct session *s)
{
	json_t *force = json_array(), *inferred = json_array();

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		const char *name = hop_table[hop].name;
		/* a capture cannot tell the guest from its VMM */
		bool guess = hop == HOP_GUEST && s->watch.capture;

		if (!(hop_table[hop].places & s->topology.place))
			continue;
		if (!watch_marks(&s->watch, (enum strata_hop)hop, &guess) &&
		    !vmm_marks(s, (enum strata_hop)hop) && !agent_marks(s, "hops", name) &&
		    !marks_itself(s, (enum strata_hop)hop))
			continue;
		json_array_append_new(force, json_string(name));
		if (guess || agent_marks(s, "inferred", name))
			json_array_append_new(inferred, json_string(name));
	}
	return json_pack("{s:o,s:o}", "in_force", force, "inferred", inferred);
}

static bool hands_on_plaintext(const struct session *s)
{
	const char *domain;
	json_t *answer;

	json_object_foreach (s->answers, domain, answer)
		if (json_is_true(json_object_get(answer, "plaintext")))
			return true;
	return watch_plaintext(&s->watch);
}

static int write_start_meta(struct session *s)
{
	json_t *meta = topology_meta(&s->topology);
	char filter[FILTER_TEXT_MAX];
	uint64_t now = now_ns();
	int result;

	if (!s->attach_ns)
		s->attach_ns = now - s->asked_ns;
	json_object_set_new(meta, "testbed", json_boolean(environment_is_testbed()));
	json_object_set_new(meta, "environment", environment_capture());
	json_object_set_new(meta, "plaintext", json_boolean(hands_on_plaintext(s)));
	if (s->options.protocol)
		json_object_set_new(meta, "protocol", json_string(s->options.protocol));
	if (s->filter.sample > 1)
		json_object_set_new(meta, "sample", json_integer(s->filter.sample));
	json_object_set_new(meta, "hops", hops_meta(s));
	json_object_set_new(meta, "event_kinds", kinds_meta());
	json_object_set_new(meta, "backend", json_string(watch_name(&s->watch)));
	json_object_set_new(meta, "probes", watch_probes_meta(&s->watch));
	json_object_set(meta, "agents", s->answers);
	json_object_set_new(meta, "ksoftirqd", threads_ksoftirqd());
	if (s->options.flight_bytes)
		json_object_set_new(meta, "flight_recorder_bytes",
				    json_integer((json_int_t)s->options.flight_bytes));
	filter_text(&s->filter, filter, sizeof(filter));
	json_object_set_new(meta, "filter", json_string(filter));
	json_object_set_new(meta, "started_ns", json_integer((json_int_t)now));
	json_object_set_new(meta, "attach_ns", json_integer((json_int_t)s->attach_ns));
	json_object_set_new(meta, "realtime_offset_ns",
			    json_integer(-clock_realtime_to_monotonic_ns()));
	result = recording_meta(s->recording, meta);
	json_decref(meta);
	return result;
}

static int start_all(struct session *s)
{
	struct probes_callbacks callbacks = {.events = on_events, .wire = on_wire, .ctx = s};
	struct probes_config config;
	int error;

	for (unsigned int i = 0; i < s->topology.vm_count; i++)
		if (start_vm(s, i))
			return -1;
	fill_config(s, &config);
	if (s->options.pcap ? watch_open_capture(&s->watch, &s->topology, config.wire_device,
						 &s->filter, &callbacks)
			    : watch_open_probes(&s->watch, &config, &callbacks))
		return -1;
	if (await_agents(s) || write_start_meta(s))
		return -1;
	if (s->topology.vm_count && !s->options.pcap) {
		s->vitals = vitals_start(&s->topology, on_vital, s);
		if (!s->vitals)
			return -1;
	}
	error = pthread_create(&s->thread, NULL, collector, s);
	if (error) {
		errno = error;
		return err_errno("start the collector thread");
	}
	s->running = true;
	return 0;
}

/* Whatever was started, stopped. */
static void detach(struct session *s)
{
	vitals_stop(s->vitals);
	s->vitals = NULL;
	for (unsigned int i = 0; i < s->source_count; i++) {
		if (s->sources[i].ring.header)
			ring_stop(&s->sources[i].ring);
		source_close(&s->sources[i]);
	}
	s->source_count = 0;
	watch_close(&s->watch);
}

static void release(struct session *s)
{
	detach(s);
	flight_destroy(s->flight);
	json_decref(s->answers);
	pthread_mutex_destroy(&s->lock);
	if (s->failed_fd >= 0)
		close(s->failed_fd);
	free(s);
}

static int start_flight(struct session *s)
{
	int protocol =
		s->options.protocol ? protocol_by_name(s->options.protocol) : PROTOCOL_HTTP;

	if (!s->options.flight_bytes)
		return 0;
	if (recording_bound(s->recording, s->options.flight_bytes))
		return -1;
	if (!filter_asks_requests(&s->filter))
		return 0; /* the latest of all */
	s->flight = flight_create(&s->filter, (enum protocol)protocol, s->recording);
	return s->flight ? 0 : -1;
}

struct session *session_start(const struct topology *t, const struct session_options *options)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set("start a trace: out of memory");
		return NULL;
	}
	s->topology = *t;
	s->options = *options;
	if (options->filter)
		s->filter = *options->filter;
	s->asked_ns = now_ns();
	s->answers = json_object();
	pthread_mutex_init(&s->lock, NULL);
	s->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->failed_fd < 0)
		err_errno("start a trace");
	else
		s->recording = recording_create(options->recording_path);
	if (s->recording && !start_flight(s) && !start_all(s))
		return s;
	if (s->recording) {
		char why[512];

		snprintf(why, sizeof(why), "%s", err_text());
		detach(s);
		recording_close(s->recording);
		unlink(options->recording_path);
		err_set("%s", why);
	}
	release(s);
	return NULL;
}

int session_meta(struct session *s, const json_t *meta)
{
	int result;

	pthread_mutex_lock(&s->lock);
	result = recording_meta(s->recording, meta);
	pthread_mutex_unlock(&s->lock);
	return result;
}

int session_failed_fd(const struct session *s)
{
	return s->failed_fd;
}

static int switch_to(struct session *s, struct recording_writer *next)
{
	struct clock_sample now = clock_sample_now();

	collect(s);
	if (s->failed)
		return err_set("%s", s->why);
	s->recording = next;
	s->last_flush_ns = s->last_clock_ns = now_ns();
	return write_start_meta(s) || recording_clock(next, 0, &now) ? -1 : 0;
}

int session_next(struct session *s, const char *recording_path)
{
	struct recording_writer *next, *last = s->recording;
	int result;

	if (s->flight)
		return err_set("a flight recorder has one recording");
	next = recording_create(recording_path);
	if (!next)
		return -1;
	pthread_mutex_lock(&s->lock);
	result = switch_to(s, next);
	pthread_mutex_unlock(&s->lock);
	if (s->recording == last) {
		recording_close(next);
		return -1;
	}
	return recording_close(last) || result ? -1 : 0;
}

uint64_t session_events(const struct session *s)
{
	return s->events;
}

/* ---- stopping ---- */

/* meta: what the probes have said of themselves, when they were still there. */
static int write_end_meta(struct session *s, json_t *meta, uint64_t ended_ns)
{
	json_object_set_new(meta, "ended_ns", json_integer((json_int_t)ended_ns));
	json_object_set_new(meta, "detach_ns", json_integer((json_int_t)(now_ns() - ended_ns)));
	json_object_set(meta, "agents", s->answers);
	return recording_meta(s->recording, meta);
}

/* The last of an outside producer, and what it says in closing. */
static void stop_source(struct session *s, struct source *src)
{
	json_t *closing = source_stop(src, s->recording, STOP_TIMEOUT_MS);
	char key[8];

	if (closing && src->has_clock) {
		snprintf(key, sizeof(key), "%d", src->domain);
		json_object_update(json_object_get(s->answers, key), closing);
	}
	json_decref(closing);
}

int session_stop(struct session *s)
{
	uint64_t ended_ns = now_ns();
	json_t *meta;

	if (!s->running)
		return s->failed ? err_set("%s", s->why) : 0;
	s->running = false;
	vitals_stop(s->vitals);
	s->vitals = NULL;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	s->last_clock_ns = 0;
	if (watch_poll_last(&s->watch))
		fail(s);
	collect(s);
	for (unsigned int i = 0; i < s->source_count; i++)
		stop_source(s, &s->sources[i]);
	meta = json_pack("{s:o,s:o}", "probes", watch_probes_meta(&s->watch), "drops",
			 watch_drops_meta(&s->watch));
	detach(s);
	if (!s->failed && write_end_meta(s, meta, ended_ns))
		fail(s);
	json_decref(meta);
	return s->failed ? err_set("%s", s->why) : 0;
}

int session_close(struct session *s)
{
	char why[512];
	int result = session_stop(s);

	snprintf(why, sizeof(why), "%s", err_text());
	if (recording_close(s->recording) && !result)
		result = -1;
	else if (result)
		err_set("%s", why);
	release(s);
	return result;
}
