/* The join: see join.h. */
#include "tracer/join.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/contexts.h"
#include "tracer/drops.h"
#include "tracer/flows.h"
#include "tracer/parents.h"

/* Observations older than a request by this much belong to something else. */
#define STALE_NS 30000000000u

/* TCP's timers wait longer than this before it sends again. */
#define RESEND_NS 1000000u

/* So many observations are looked at beyond a request's end for hops that it lacks. */
#define LOOK_ON 512

/* How often a request is looked at that still lacks its last hop. */
#define LOOK_AGAIN_NS 250000000u

const struct join_limits join_limits_default = {
	.grace_ns = 1000000000u,
	.late_ns = 5000000000u,
	.observations_max = 1u << 19,
	.flow_max = 1u << 18,
	.flows_max = 1u << 16,
	.contexts_max = 1u << 19,
};

struct join {
	struct model *m;
	struct join_limits limits;
	struct flows *flows;
	struct contexts *contexts;
	struct drops_seen *drops;
	struct parents *parents;
	/* requests that wait for their last hops: a ring */
	struct http_request *waiting;
	size_t first, count, capacity;
	uint64_t now_ns;
	uint64_t look_again_ns; /* the oldest was looked at, and may go on until then */
	bool finishing;
};

struct join *join_create(struct model *m, const struct join_limits *limits)
{
	struct join *j = calloc(1, sizeof(*j));

	if (!j) {
		err_set("out of memory for the join");
		return NULL;
	}
	j->m = m;
	j->limits = *limits;
	j->flows = flows_create(limits->flows_max, limits->flow_max);
	j->contexts = contexts_create(limits->contexts_max);
	j->drops = drops_seen_create(limits->flows_max);
	j->parents = parents_create(limits->flows_max);
	if (j->flows && j->contexts && j->drops && j->parents)
		return j;
	join_destroy(j);
	return NULL;
}

void join_destroy(struct join *j)
{
	if (!j)
		return;
	flows_destroy(j->flows);
	contexts_destroy(j->contexts);
	drops_seen_destroy(j->drops);
	parents_destroy(j->parents);
	free(j->waiting);
	free(j);
}

/* ---- which observations are this request's ---- */

/* Are the bytes that a hop counts those of the request? nginx is still reading when it answers.
 */
static bool counts_request(unsigned int hop)
{
	return hop_table[hop].direction == DIRECTION_REQUEST || hop == HOP_NGINX_RESPOND;
}

/* How far behind the last byte (end - 1) the observation reaches; negative: not so far. */
static int32_t reach(const struct observation *o, uint32_t end)
{
	return (int32_t)(o->seq + o->len - end);
}

static bool covers(const struct observation *o, uint32_t end)
{
	if (o->flags & EVENT_UPTO)
		return reach(o, end) >= 0;
	return end - 1 - o->seq < o->len;
}

/* A hop that only knows how far it got, and got further later on, may have missed this
 * request: it must have happened before what follows from it was on the wire. */
static bool in_time(const struct join *j, const struct http_request *r,
		    const struct observation *o)
{
	if (!(o->flags & EVENT_UPTO) || !r->answered || o->hop == HOP_CLIENT_RECV)
		return true;
	return o->time_ns <= r->reply_last_ns + j->m->domains[o->domain].error_ns;
}

/* Told of with what follows it, whatever it was for: it may have been before this request. */
static bool began_before(int hop)
{
	return hop == HOP_NIC_IRQ || hop == HOP_GUEST_IRQ || hop == HOP_APP_RUN;
}

/*
 * What only knows how far it got is too late for this request if something that follows from it
 * was seen already: it got there for what came next, and this request's own was not told of.
 */
static bool overtaken(const struct request *r, const struct observation *o)
{
	if (!(o->flags & EVENT_UPTO))
		return false;
	for (int hop = o->hop + 1; hop < HOP_COUNT; hop++)
		if (r->hops[hop].flags & HOP_SEEN && r->hops[hop].domain == o->domain &&
		    !began_before(hop))
			return true;
	return false;
}

/*
 * Up to the vSwitch a request is in the hands of who asks, then of who serves; a reply comes
 * back to the port of who asked.
 */
static void take_vm(struct request *r, const struct observation *o)
{
	bool asks = o->hop <= HOP_VSWITCH_IN;
	uint8_t *vm = asks ? &r->client_vm : &r->vm;

	if (!*vm && (asks || o->hop < HOP_NIC_QUEUE))
		*vm = o->vm;
}

static void mark(struct request *r, const struct observation *o)
{
	struct hop_seen *seen = &r->hops[o->hop];

	if (o->vm)
		take_vm(r, o);
	if (seen->flags & HOP_SEEN)
		return;
	*seen = (struct hop_seen){
		.time_ns = o->time_ns,
		.tid = o->tid,
		.seq = o->seq,
		.len = o->len,
		.cpu = o->cpu,
		.queue = o->queue,
		.event_flags = o->flags,
		.domain = o->domain,
		.flags = o->flags & EVENT_INFERRED ? HOP_SEEN | HOP_INFERRED : HOP_SEEN,
	};
}

/* The state of one walk over a connection's observations. */
struct walk {
	struct flow *flow;
	uint32_t packet[HOP_COUNT]; /* that marked the hop first */
	uint32_t again[HOP_COUNT];
};

static bool seen_further(const struct request *r, unsigned int hop)
{
	while (++hop < HOP_COUNT)
		if (r->hops[hop].flags & HOP_SEEN)
			return true;
	return false;
}

/*
 * Another packet with the same bytes? TCP sends again what it has kept, so it may be the same
 * memory; but a driver that was busy is handed the same packet once more, too: at once.
 */
static bool is_another(const struct request *r, const struct observation *o,
		       const struct walk *w)
{
	if (o->flags & EVENT_UPTO || !o->packet)
		return false;
	return o->packet != w->packet[o->hop] ||
	       o->time_ns > r->hops[o->hop].time_ns + RESEND_NS;
}

/* An interrupt that comes after the packet has arrived brought it again, or another. */
static bool is_late_irq(const struct request *r, const struct observation *o)
{
	return (o->hop == HOP_NIC_IRQ && r->hops[HOP_NIC_RX].flags & HOP_SEEN) ||
	       (o->hop == HOP_GUEST_IRQ && r->hops[HOP_GUEST_NAPI].flags & HOP_SEEN);
}

static void came_again(struct request *r, const struct observation *o, struct walk *w)
{
	w->again[o->hop]++;
	if (!seen_further(r, o->hop))
		r->hops[o->hop].again_ns = o->time_ns;
}

static void consider(const struct join *j, struct request *r, const struct observation *o,
		     struct walk *w)
{
	uint32_t end = counts_request(o->hop) ? r->http.request_end : r->http.reply_end;
	uint64_t *used;

	if ((!counts_request(o->hop) && !r->http.answered) || !covers(o, end) ||
	    !in_time(j, &r->http, o) || overtaken(r, o) || is_late_irq(r, o))
		return;
	/* with pipelining one read serves several requests, but each is handled on its own */
	used = flow_used(w->flow, o->hop);
	if (used && o->time_ns <= *used)
		return;
	if (r->hops[o->hop].flags & HOP_SEEN) {
		if (is_another(r, o, w))
			came_again(r, o, w);
		return;
	}
	w->packet[o->hop] = o->packet;
	mark(r, o);
}

/* The client goes on to the next request: what follows is not this one's. */
static bool next_began(const struct http_request *r, const struct observation *o)
{
	return r->answered && o->time_ns > r->reply_last_ns && counts_request(o->hop) &&
	       (int32_t)(o->seq - r->request_end) >= 0 && o->len;
}

static bool has_needed(const struct join *j, const struct request *r)
{
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (j->m->hops[hop].needed && !(r->hops[hop].flags & HOP_SEEN) &&
		    model_covers(j->m, r, hop))
			return false;
	return true;
}

static uint64_t over_ns(const struct http_request *r)
{
	return r->answered ? r->reply_last_ns : r->request_last_ns;
}

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * A connection's observations in time order, until this request is over. If hops are missing
 * then, those whose bytes are certain are looked for a little longer: a clock may be wrong.
 */
static void walk_flow(const struct join *j, struct request *r, struct walk *w)
{
	uint64_t end_ns = over_ns(&r->http) + longer(j->limits.grace_ns, j->limits.late_ns);
	unsigned int look_on = 0;

	for (size_t i = 0; i < flow_count(w->flow); i++) {
		const struct observation *o = flow_at(w->flow, i);

		if (o->time_ns > end_ns)
			return;
		if (!look_on && next_began(&r->http, o))
			look_on = has_needed(j, r) ? 1 : LOOK_ON;
		if (look_on && !--look_on)
			return;
		if (!look_on || !(o->flags & EVENT_UPTO))
			consider(j, r, o, w);
	}
}

/* What comes by twice, but left its sender once, was not sent again: it went round. */
static void drop_rounds(struct request *r, const struct walk *w)
{
	for (int d = 0; d < DIRECTION_COUNT; d++) {
		bool first = true, resent = false;

		for (int hop = 0; hop < HOP_COUNT; hop++) {
			if ((int)hop_table[hop].direction != d || !w->packet[hop])
				continue;
			resent = first ? w->again[hop] > 0 : resent;
			first = false;
			if (!resent)
				r->hops[hop].again_ns = 0;
		}
	}
}

static bool is_crowded(const struct join *j)
{
	return flows_observations(j->flows) > j->limits.observations_max;
}

/* Its last hop may still be to come. */
static bool may_go_on(const struct join *j, const struct request *r)
{
	enum strata_hop last = j->m->last;

	return r->http.answered && j->m->hops[last].needed &&
	       !(r->hops[last].flags & HOP_SEEN) && model_covers(j->m, r, last) &&
	       over_ns(&r->http) + j->limits.late_ns >= j->now_ns && !is_crowded(j) &&
	       !j->finishing;
}

/* False: it is too early to say. */
static bool join_packets(const struct join *j, struct request *r, struct flow *f)
{
	struct walk w = {.flow = f};

	walk_flow(j, r, &w);
	if (may_go_on(j, r))
		return false;
	drop_rounds(r, &w);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		uint64_t *used = flow_used(f, (unsigned int)hop);

		if (used && r->hops[hop].flags & HOP_SEEN)
			*used = r->hops[hop].time_ns;
		if (w.again[hop] > r->retransmits)
			r->retransmits = w.again[hop];
	}
	return true;
}

/* Is it of no use for any later request of the connection? */
static bool done_with(const struct observation *o, const struct http_request *r)
{
	if (o->time_ns + STALE_NS < r->request_first_ns)
		return true;
	if (counts_request(o->hop))
		return reach(o, r->request_end) <= 0;
	return r->answered && reach(o, r->reply_end) <= 0;
}

static void drop_done(struct flow *f, const struct http_request *r)
{
	while (flow_count(f) && done_with(flow_at(f, 0), r))
		flow_drop_first(f);
}

/* ---- hops that say when something began, whatever it was for ---- */

/*
 * An interrupt or a switch to nginx is told of with the first packet or read that follows it.
 * Where it came before this request did, it was for another: the poll, or nginx, was at work.
 */
static void drop_unrelated(const struct model *m, struct request *r, enum strata_hop first,
			   enum strata_hop then, enum strata_hop dropped)
{
	const struct hop_seen *began = &r->hops[first], *arrived = &r->hops[then];
	uint64_t error_ns = began->domain == arrived->domain
				    ? 0
				    : m->domains[began->domain].error_ns +
					      m->domains[arrived->domain].error_ns;

	if (began->flags & arrived->flags & HOP_SEEN &&
	    began->time_ns + error_ns < arrived->time_ns)
		r->hops[dropped].flags = 0;
}

/*
 * A doorbell or an interrupt, and whom it woke, when the frame has been taken already: the
 * other side was at work and found it without.
 */
static void drop_needless(const struct model *m, struct request *r)
{
	static const struct {
		enum strata_hop taken;
		unsigned int places;
		enum strata_hop call[6];
		size_t calls;
	} rows[] = {
		{HOP_GUEST_NAPI,
		 PLACE_VM,
		 {HOP_VFIO_IRQ, HOP_KVM_IRQ, HOP_VCPU_WAKE, HOP_VCPU_RUN, HOP_KVM_ENTRY,
		  HOP_GUEST_IRQ},
		 6},
		{HOP_PORT_RX,
		 PLACE_VHOST,
		 {HOP_KVM_EXIT, HOP_KVM_KICK, HOP_VHOST_TX_WAKE, HOP_VHOST_TX_RUN},
		 4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; m->place & rows[i].places && k < rows[i].calls; k++)
			drop_unrelated(m, r, rows[i].taken, rows[i].call[k], rows[i].call[k]);
}

static void drop_all_unrelated(const struct model *m, struct request *r)
{
	static const struct {
		enum strata_hop hop, arrival;
	} pairs[] = {
		{HOP_NIC_IRQ, HOP_CLIENT_XMIT},     {HOP_GUEST_IRQ, HOP_VMM_RX_PUBLISH},
		{HOP_GUEST_IRQ, HOP_PORT_XMIT},     {HOP_GUEST_IRQ, HOP_CLIENT_XMIT},
		{HOP_GUEST_IRQ, HOP_VHOST_RX_READ}, {HOP_GUEST_IRQ, HOP_KVM_IRQ},
		{HOP_GUEST_IRQ, HOP_KVM_ENTRY},     {HOP_APP_RUN, HOP_STACK_RX},
		{HOP_APP_RUN, HOP_TCP_RX},          {HOP_APP_RUN, HOP_SOCK_READY},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		drop_unrelated(m, r, pairs[i].hop, pairs[i].arrival, pairs[i].hop);
	drop_needless(m, r);
}

/* ---- requests ---- */

/* Or look at it again later, if it is too early. */
static int conclude_oldest(struct join *j)
{
	const struct http_request *http = &j->waiting[j->first];
	struct request r = {.http = *http};
	struct flow *f = flows_find(j->flows, http->flow);

	if (f && !join_packets(j, &r, f)) {
		j->look_again_ns = j->now_ns + LOOK_AGAIN_NS;
		return 0;
	}
	if (f)
		drop_done(f, http);
	j->look_again_ns = 0;
	drop_all_unrelated(j->m, &r);
	contexts_join(j->contexts, j->m, &r);
	drops_seen_join(j->drops, &r);
	parents_join(j->parents, &r);
	j->first = (j->first + 1) % j->capacity;
	j->count--;
	return model_add(j->m, &r);
}

static bool oldest_is_due(const struct join *j)
{
	const struct http_request *r = &j->waiting[j->first];
	return is_crowded(j) ||
	       (over_ns(r) + j->limits.grace_ns < j->now_ns && j->look_again_ns <= j->now_ns);
}

int join_until(struct join *j, uint64_t time_ns)
{
	j->now_ns = time_ns > j->now_ns ? time_ns : j->now_ns;
	while (j->count && oldest_is_due(j))
		if (conclude_oldest(j))
			return -1;
	return 0;
}

int join_observe(struct join *j, const struct observation *o)
{
	if (o->flags & EVENT_CONTEXT || o->hop >= HOP_COUNT) {
		j->now_ns = o->time_ns > j->now_ns ? o->time_ns : j->now_ns;
		if (o->hop == CONTEXT_DROP)
			return drops_seen_add(j->drops, j->m, o);
		if (o->hop == CONTEXT_ASKED)
			return parents_add(j->parents, o);
		return contexts_add(j->contexts, o);
	}
	if (flows_add(j->flows, o))
		return -1;
	j->m->forgotten = flows_forgotten(j->flows);
	if (join_until(j, o->time_ns))
		return -1;
	if (is_crowded(j))
		flows_forget_oldest(j->flows);
	return 0;
}

static int grow(struct join *j)
{
	size_t capacity = j->capacity ? j->capacity * 2 : 64;
	struct http_request *waiting = malloc(capacity * sizeof(*waiting));

	if (!waiting)
		return err_set("out of memory for %zu requests", capacity);
	for (size_t i = 0; i < j->count; i++)
		waiting[i] = j->waiting[(j->first + i) % j->capacity];
	free(j->waiting);
	j->waiting = waiting;
	j->first = 0;
	j->capacity = capacity;
	return 0;
}

int join_request(struct join *j, const struct http_request *r)
{
	if (j->count == j->capacity && grow(j))
		return -1;
	j->waiting[(j->first + j->count++) % j->capacity] = *r;
	return 0;
}

int join_finish(struct join *j)
{
	j->finishing = true;
	while (j->count)
		if (conclude_oldest(j))
			return -1;
	return 0;
}
