/* From a recording to the model: see analyse.h. */
#include "tracer/analyse.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/recording.h"
#include "tracer/exchanges.h"
#include "tracer/kinds.h"
#include "tracer/moments.h"
#include "tracer/reorder.h"
#include "tracer/wire_order.h"

#define REQUESTS_MAX    10000
#define WINDOW          (1u << 18)
#define WIRE_WINDOW     4096
#define WIRE_AHEAD_NS   10000000
#define CONNECTIONS_MAX 16384

#define CLOCK_WAIT_BYTES (64u << 20)
#define HOLD_NS          500000000u

struct analysis {
	const char *path;
	struct analyse_options options;
	struct recording_place known, joined; /* how far each pass came */
	uint64_t clock_ns;                    /* the host's latest sample */
	struct model *m;
	struct clock *clock;
	struct kinds kinds;
	struct wire_order *wires;
	struct exchanges *exchanges;
	struct reorder *events;
	struct join *join;
	bool failed;         /* in a callback that cannot say so */
	uint64_t wired_ns;   /* the wire was looked at up to then */
	uint64_t idle_at_ns; /* when to look for idle connections again */
};

/* ---- first pass ---- */

static int learn_meta(void *ctx, json_t *meta)
{
	struct analysis *a = ctx;
	const json_t *names = json_object_get(meta, "event_kinds");

	if (names)
		kinds_learn(&a->kinds, names);
	return model_take_meta(a->m, meta);
}

static int learn_clock(void *ctx, unsigned int domain, const struct clock_sample *s)
{
	struct analysis *a = ctx;

	/* one that runs backwards is left out: the error bound tells what remains */
	(void)clock_add(a->clock, domain, s);
	if (!domain && s->time_ns > a->clock_ns)
		a->clock_ns = s->time_ns;
	return 0;
}

static int learn_lost(void *ctx, enum lost_stage stage, uint64_t count)
{
	struct analysis *a = ctx;

	a->m->lost[stage] += count;
	return 0;
}

static int learn_events(void *ctx, const struct strata_event *e, size_t count)
{
	struct analysis *a = ctx;

	for (size_t i = 0; i < count; i++) {
		unsigned int hop = kinds_of(&a->kinds, e[i].hop);

		if (hop == CONTEXT_VCPU_OUT) {
			model_take_exit(a->m, e[i].arg32);
			vm_vitals_take_out(&a->m->vitals, &e[i]);
		} else if (hop == CONTEXT_VITAL && vm_vitals_take(&a->m->vitals, &e[i])) {
			return -1;
		}
		if (hop == HOP_KVM_IRQ)
			messages_sent(&a->m->messages, e[i].vm, (uint32_t)e[i].arg64,
				      (uint32_t)(e[i].arg64 >> 32), e[i].tid);
		if (hop >= HOP_COUNT || e[i].domain >= CLOCK_DOMAINS_MAX)
			continue;
		a->m->hops[hop].events++;
		a->m->hops[hop].domain = e[i].domain;
		a->m->domains[e[i].domain].events++;
	}
	return 0;
}

static void relate_clocks(struct analysis *a)
{
	json_t *d;
	size_t i;

	json_array_foreach (json_object_get(a->m->meta, "domains"), i, d) {
		const char *offset = json_string_value(json_object_get(d, "tsc_offset"));
		double ratio = json_number_value(json_object_get(d, "tsc_ratio"));
		json_int_t domain = json_integer_value(json_object_get(d, "domain"));

		if (offset && domain > 0 && domain < CLOCK_DOMAINS_MAX)
			clock_set_relation(a->clock, (unsigned int)domain,
					   strtoll(offset, NULL, 10), ratio > 0 ? ratio : 1);
	}
	for (unsigned int n = 0; n < CLOCK_DOMAINS_MAX; n++) {
		a->m->domains[n].aligned = clock_ready(a->clock, n);
		a->m->domains[n].error_ns = clock_error_ns(a->clock, n);
		if (a->m->domains[n].events && n >= a->m->domain_count)
			a->m->domain_count = n + 1;
	}
}

static int first_pass(struct analysis *a, uint64_t until)
{
	const struct recording_visitor v = {.meta = learn_meta,
					    .events = learn_events,
					    .clock = learn_clock,
					    .lost = learn_lost,
					    .ctx = a};

	return recording_read_on(a->path, &v, &a->m->recording, &a->known, until);
}

/* What is known by now. */
static int conclude(struct analysis *a)
{
	if (a->options.growing && a->m->place == PLACE_NONE)
		return 0; /* its first block is not written yet */
	relate_clocks(a);
	return model_conclude(a->m) ? err_add("%s", a->path) : 0;
}

/* ---- second pass ---- */

static void found_request(void *ctx, const struct http_request *r)
{
	struct analysis *a = ctx;

	if (join_request(a->join, r))
		a->failed = true;
}

static enum protocol protocol_of(const struct analysis *a)
{
	int given = a->options.protocol ? protocol_by_name(a->options.protocol) : -1;

	return given < 0 ? a->m->protocol : (enum protocol)given;
}

static int ordered_wire(void *ctx, const struct strata_wire *w)
{
	struct analysis *a = ctx;

	if (a->options.on_wire && a->options.on_wire(a->options.ctx, a->m, w))
		return -1;
	if (a->m->plaintext)
		exchanges_have_plaintext(a->exchanges);
	if (w->event.time_ns > a->idle_at_ns) {
		exchanges_idle(a->exchanges, w->event.time_ns);
		a->idle_at_ns = w->event.time_ns + 1000000000u;
	}
	return exchanges_feed(a->exchanges, protocol_of(a), w) || a->failed ? -1 : 0;
}

static int read_wire(void *ctx, const struct strata_wire *w)
{
	struct analysis *a = ctx;
	struct strata_wire here = *w;

	if (w->event.domain >= CLOCK_DOMAINS_MAX || !a->m->domains[w->event.domain].aligned)
		return 0;
	here.event.hop = (uint16_t)kinds_of(&a->kinds, w->event.hop);
	here.event.time_ns = clock_to_host(a->clock, w->event.domain, w->event.time_ns);
	return wire_order_add(a->wires, &here);
}

static int ordered_event(void *ctx, const struct observation *o)
{
	struct analysis *a = ctx;

	/* requests must be known before what was observed of them is judged */
	if (o->time_ns > a->wired_ns) {
		a->wired_ns = o->time_ns + WIRE_AHEAD_NS;
		if (wire_order_until(a->wires, a->wired_ns))
			return -1;
	}
	return join_observe(a->join, o);
}

/* What took so long is told of when it ended: that keeps it in order. */
static void ends(struct observation *o, const struct strata_event *e)
{
	uint64_t took_ns;

	o->time_ns += e->arg64;
	took_ns = e->arg64 < o->time_ns ? e->arg64 : o->time_ns;
	o->len = (uint32_t)took_ns;
	o->flow = MOMENT_LONG(took_ns);
}

/* No part is longer than the whole, whatever a guest says. */
static void take_off_event(struct model *m, struct observation *o, const struct strata_event *e)
{
	ends(o, e);
	o->seq = o->flow || e->len < o->len ? e->len : o->len;
	o->packet = e->seq < o->seq ? e->seq : o->seq;
	o->flow |= MOMENT_ABOUT(e->reserved, model_learn_actor(m, e));
}

static int read_event(struct analysis *a, const struct strata_event *e)
{
	struct observation o = {
		.flow = e->flow,
		.seq = e->seq,
		.len = e->flags & EVENT_UPTO ? 0 : e->len,
		.tid = e->tid,
		.packet = (uint32_t)(e->packet >> 6), /* heads are cache lines apart */
		.cpu = e->cpu,
		.queue = e->queue,
		.hop = (uint8_t)kinds_of(&a->kinds, e->hop),
		.flags = e->flags,
		.domain = e->domain,
		.vm = e->vm,
	};

	a->m->events++;
	if (o.hop >= EVENT_KINDS || e->domain >= CLOCK_DOMAINS_MAX) {
		a->m->events_rejected++;
		return 0;
	}
	if (o.hop == CONTEXT_VITAL)
		return 0; /* no request's; the first pass took it */
	if (!a->m->domains[e->domain].aligned) {
		a->m->events_unaligned++;
		return 0;
	}
	if (!o.vm)
		o.vm = a->m->domains[e->domain].vm;
	o.time_ns = clock_to_host(a->clock, e->domain, e->time_ns);
	if (o.hop == CONTEXT_VCPU_OUT) {
		ends(&o, e);
		o.packet = e->arg32;
	} else if (o.hop == HOP_KVM_IRQ) {
		o.seq = (uint32_t)(e->arg64 >> 32);
		o.packet = (uint32_t)e->arg64;
	} else if (o.hop == CONTEXT_TASK_OFF) {
		take_off_event(a->m, &o, e);
	} else if (o.hop == CONTEXT_DROP) {
		o.tid = e->arg32;
		o.packet = (uint32_t)e->arg64;
	} else if (o.hop == CONTEXT_ASKED) {
		o.len = e->arg32;
		o.tid = (uint32_t)(e->arg64 >> 32);
		o.packet = (uint32_t)e->arg64;
	}
	return reorder_add(a->events, &o);
}

static int read_events(void *ctx, const struct strata_event *e, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (read_event(ctx, &e[i]))
			return -1;
	return 0;
}

static int second_pass(struct analysis *a, uint64_t until)
{
	const struct recording_visitor v = {.events = read_events, .wire = read_wire, .ctx = a};
	struct recording_end again = {0};

	return recording_read_on(a->path, &v, &again, &a->joined, until);
}

static int prepare(struct analysis *a)
{
	const struct analyse_options *o = &a->options;
	struct join_limits limits = o->join.observations_max ? o->join : join_limits_default;

	a->clock = clock_create();
	a->m = model_create(o->requests_max ? o->requests_max : REQUESTS_MAX);
	a->wires = wire_order_create(WIRE_WINDOW, ordered_wire, a);
	a->exchanges = exchanges_create(found_request, a, CONNECTIONS_MAX);
	a->events = reorder_create(o->window ? o->window : WINDOW, ordered_event, a);
	if (!a->clock || !a->m || !a->wires || !a->exchanges || !a->events)
		return -1;
	a->m->latest = o->latest;
	if (o->latest)
		clock_keep_latest(a->clock);
	a->m->on_request = o->on_request;
	a->m->on_request_ctx = o->ctx;
	a->m->filter = o->filter;
	a->join = join_create(a->m, &limits);
	return a->join ? 0 : -1;
}

struct analysis *analysis_open(const char *path, const struct analyse_options *options)
{
	struct analysis *a = calloc(1, sizeof(*a));

	if (!a) {
		err_set("%s: out of memory", path);
		return NULL;
	}
	a->path = path;
	if (options)
		a->options = *options;
	kinds_learn(&a->kinds, NULL);
	if (!prepare(a))
		return a;
	analysis_close(a);
	return NULL;
}

/* Is a clock still to be told of, without which events would be left out? */
static bool waits_for_clock(const struct analysis *a)
{
	if (!a->options.growing || a->known.at - a->joined.at > CLOCK_WAIT_BYTES)
		return false;
	for (unsigned int n = 0; n < a->m->domain_count; n++)
		if (a->m->domains[n].events && !a->m->domains[n].aligned)
			return true;
	return false;
}

static uint64_t onward(uint64_t from, uint64_t bytes)
{
	return bytes < UINT64_MAX - from ? from + bytes : UINT64_MAX;
}

int analysis_learn(struct analysis *a, uint64_t bytes)
{
	uint64_t blocks = a->m->recording.blocks;

	if (first_pass(a, onward(a->known.at, bytes)))
		return -1;
	return a->m->recording.blocks > blocks;
}

int analysis_join(struct analysis *a, uint64_t bytes)
{
	uint64_t until = onward(a->joined.at, bytes);

	if (conclude(a))
		return -1;
	if (waits_for_clock(a))
		return 0;
	if (second_pass(a, until < a->known.at ? until : a->known.at) || a->failed)
		return -1;
	return a->joined.at < a->known.at;
}

int analysis_step(struct analysis *a, uint64_t bytes)
{
	int more = analysis_learn(a, bytes);

	return more < 0 || analysis_join(a, UINT64_MAX) < 0 ? -1 : more;
}

int analysis_until_now(struct analysis *a)
{
	uint64_t until = a->clock_ns > HOLD_NS ? a->clock_ns - HOLD_NS : 0;

	if (reorder_until(a->events, until) || wire_order_until(a->wires, until) ||
	    join_until(a->join, until) || a->failed)
		return -1;
	a->m->http = exchanges_stats(a->exchanges);
	return 0;
}

int analysis_finish(struct analysis *a)
{
	if (second_pass(a, a->known.at) || wire_order_flush(a->wires))
		return -1;
	exchanges_finish(a->exchanges);
	if (a->failed || reorder_flush(a->events) || join_finish(a->join))
		return -1;
	a->m->http = exchanges_stats(a->exchanges);
	return 0;
}

struct model *analysis_model(struct analysis *a)
{
	return a->m;
}

struct model *analysis_take(struct analysis *a)
{
	struct model *m = a->m;

	a->m = NULL;
	analysis_close(a);
	return m;
}

void analysis_progress(const struct analysis *a, struct analysis_progress *p)
{
	p->learnt = a->known.at;
	p->joined = a->joined.at;
	p->size = a->known.size;
}

void analysis_close(struct analysis *a)
{
	if (!a)
		return;
	join_destroy(a->join);
	reorder_destroy(a->events);
	exchanges_destroy(a->exchanges);
	wire_order_destroy(a->wires);
	clock_destroy(a->clock);
	model_free(a->m);
	free(a);
}

int analyse(const char *path, const struct analyse_options *options, struct model **out)
{
	struct analysis *a = analysis_open(path, options);

	if (!a)
		return -1;
	if (analysis_step(a, UINT64_MAX) < 0 || analysis_finish(a)) {
		analysis_close(a);
		return -1;
	}
	*out = analysis_take(a);
	return 0;
}
