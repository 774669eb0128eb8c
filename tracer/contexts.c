/* Context hops: see contexts.h. */
#include "tracer/contexts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define ANY_VCPU (-1)

struct moment {
	uint64_t time_ns;
	uint32_t took_ns; /* before time_ns */
	uint32_t tid;
	uint16_t cpu;
	uint16_t vcpu;
	uint8_t vm;
	uint8_t domain;
	uint8_t flags;
};

/* The newest moments of one hop; at[start..start + count) in order. */
struct moments {
	struct moment *at;
	size_t start, count, capacity;
};

struct contexts {
	struct moments hop[EVENT_KINDS];
	size_t max;
};

/* Whose moment, and when. */
struct window {
	uint64_t from_ns, to_ns;
	uint8_t vm;
	int vcpu; /* or ANY_VCPU */
};

struct contexts *contexts_create(size_t per_hop_max)
{
	struct contexts *c = calloc(1, sizeof(*c));

	if (!c)
		err_set("out of memory for context events");
	else
		c->max = per_hop_max < 2 ? 2 : per_hop_max;
	return c;
}

void contexts_destroy(struct contexts *c)
{
	if (!c)
		return;
	for (int hop = 0; hop < EVENT_KINDS; hop++)
		free(c->hop[hop].at);
	free(c);
}

static int make_room(struct contexts *c, struct moments *m)
{
	if (m->start + m->count < m->capacity)
		return 0;
	if (m->count >= c->max) {
		m->start += m->count - c->max / 2;
		m->count = c->max / 2;
	}
	if (m->start && m->start >= m->count) {
		memmove(m->at, m->at + m->start, m->count * sizeof(*m->at));
		m->start = 0;
		return 0;
	}
	size_t capacity = m->capacity ? m->capacity * 2 : 256;
	struct moment *at = realloc(m->at, capacity * sizeof(*at));

	if (!at)
		return err_set("out of memory for context events");
	m->at = at;
	m->capacity = capacity;
	return 0;
}

int contexts_add(struct contexts *c, const struct observation *o)
{
	struct moments *m = &c->hop[o->hop];

	if (make_room(c, m))
		return -1;
	m->at[m->start + m->count++] = (struct moment){
		.time_ns = o->time_ns,
		.took_ns = o->len,
		.tid = o->tid,
		.cpu = o->cpu,
		.vcpu = o->queue,
		.vm = o->vm,
		.domain = o->domain,
		.flags = o->flags & EVENT_INFERRED ? HOP_SEEN | HOP_INFERRED : HOP_SEEN,
	};
	return 0;
}

static bool fits(const struct moment *m, const struct window *w)
{
	return m->vm == w->vm && (w->vcpu == ANY_VCPU || m->vcpu == w->vcpu);
}

/* Index of the first moment at or after that time. */
static size_t lower_bound(const struct moments *m, uint64_t time_ns)
{
	size_t lo = 0, hi = m->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->at[m->start + mid].time_ns < time_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void take(struct hop_seen *seen, const struct moment *m)
{
	*seen = (struct hop_seen){.time_ns = m->time_ns,
				  .tid = m->tid,
				  .cpu = m->cpu,
				  .domain = m->domain,
				  .flags = m->flags};
}

static void first_in(const struct contexts *c, const struct window *w, enum strata_hop hop,
		     struct request *r)
{
	const struct moments *m = &c->hop[hop];

	for (size_t i = lower_bound(m, w->from_ns); i < m->count; i++) {
		const struct moment *at = &m->at[m->start + i];

		if (at->time_ns > w->to_ns)
			return;
		if (fits(at, w)) {
			take(&r->hops[hop], at);
			return;
		}
	}
}

static void last_in(const struct contexts *c, const struct window *w, enum strata_hop hop,
		    struct request *r)
{
	const struct moments *m = &c->hop[hop];

	for (size_t i = lower_bound(m, w->to_ns + 1); i-- > 0;) {
		const struct moment *at = &m->at[m->start + i];

		if (at->time_ns < w->from_ns)
			return;
		if (fits(at, w)) {
			take(&r->hops[hop], at);
			return;
		}
	}
}

static bool seen(const struct request *r, enum strata_hop hop)
{
	return r->hops[hop].flags & HOP_SEEN;
}

/* The first of these that was seen. */
static const struct hop_seen *first_seen(const struct request *r, const enum strata_hop *hops,
					 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seen(r, hops[i]))
			return &r->hops[hops[i]];
	return NULL;
}

/* A hop in the window moves its beginning: what follows from it comes later. */
static void then_first(const struct contexts *c, struct window *w, enum strata_hop hop,
		       struct request *r)
{
	first_in(c, w, hop, r);
	if (seen(r, hop))
		w->from_ns = r->hops[hop].time_ns;
}

/*
 * From the used ring to the guest: interrupt, wake-up, run, entry. Without an interrupt of its
 * own nobody was woken for this packet, but the vCPU still has to run to see it.
 */
static void join_request(const struct contexts *c, const struct model *m, struct request *r)
{
	static const enum strata_hop arrivals[] = {HOP_GUEST_IRQ, HOP_GUEST_NAPI, HOP_STACK_RX};
	const struct hop_seen *guest = first_seen(r, arrivals, 3);
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};
	uint64_t latest_ns;

	if (!seen(r, HOP_VMM_RX_PUBLISH) || !guest)
		return;
	latest_ns = guest->time_ns + m->domains[guest->domain].error_ns;
	w.from_ns = r->hops[HOP_VMM_RX_PUBLISH].time_ns;
	w.to_ns = latest_ns;
	then_first(c, &w, HOP_KVM_IRQ, r);
	w.vcpu = guest->cpu;
	if (seen(r, HOP_KVM_IRQ) || !m->hops[HOP_KVM_IRQ].in_force)
		then_first(c, &w, HOP_VCPU_WAKE, r);
	then_first(c, &w, HOP_VCPU_RUN, r);
	w.to_ns = guest->time_ns;
	last_in(c, &w, HOP_KVM_ENTRY, r);
	if (seen(r, HOP_KVM_ENTRY))
		return;
	/* none before the guest's clock says it ran: that may be behind a little */
	w.from_ns = w.from_ns > guest->time_ns ? w.from_ns : guest->time_ns;
	w.to_ns = latest_ns;
	first_in(c, &w, HOP_KVM_ENTRY, r);
}

/* From the guest's driver to the VMM: the doorbell's exit and what it signals. */
static void join_reply(const struct contexts *c, const struct model *m, struct request *r)
{
	const struct hop_seen *xmit = &r->hops[HOP_STACK_XMIT];
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};
	uint64_t error_ns = m->domains[xmit->domain].error_ns;

	if (!seen(r, HOP_STACK_XMIT) || !seen(r, HOP_VMM_TX_POP))
		return;
	w.from_ns = xmit->time_ns > error_ns ? xmit->time_ns - error_ns : 0;
	w.to_ns = r->hops[HOP_VMM_TX_POP].time_ns;
	last_in(c, &w, HOP_KVM_KICK, r);
	if (seen(r, HOP_KVM_KICK))
		w.to_ns = r->hops[HOP_KVM_KICK].time_ns;
	else if (m->hops[HOP_KVM_KICK].in_force)
		return; /* an exit, but for something else */
	last_in(c, &w, HOP_KVM_EXIT, r);
}

/* How much of the window the vCPU was outside guest mode. Its absences do not overlap. */
static uint64_t outside_in(const struct contexts *c, const struct window *w)
{
	const struct moments *m = &c->hop[CONTEXT_VCPU_OUT];
	uint64_t sum = 0;

	for (size_t i = lower_bound(m, w->from_ns); i < m->count; i++) {
		const struct moment *at = &m->at[m->start + i];
		uint64_t from_ns = at->time_ns - at->took_ns, to_ns = at->time_ns;

		if (!fits(at, w))
			continue;
		if (from_ns >= w->to_ns)
			break;
		sum += (to_ns < w->to_ns ? to_ns : w->to_ns) -
		       (from_ns > w->from_ns ? from_ns : w->from_ns);
	}
	return sum;
}

static bool in_guest(const struct request *r, int hop)
{
	return seen(r, (enum strata_hop)hop) && r->hops[hop].domain != 0;
}

/* The guest's hops: from each until whatever was seen next. */
static void join_outside(const struct contexts *c, struct request *r)
{
	for (int hop = HOP_GUEST_IRQ; hop <= HOP_STACK_XMIT; hop++) {
		struct window w = {.vm = r->vm, .vcpu = r->hops[hop].cpu};
		int next = hop + 1;

		if (!in_guest(r, hop))
			continue;
		while (next < HOP_COUNT && !seen(r, (enum strata_hop)next))
			next++;
		if (next == HOP_COUNT)
			return;
		w.from_ns = r->hops[hop].time_ns;
		w.to_ns = r->hops[next].time_ns;
		if (w.to_ns > w.from_ns)
			r->hops[hop].outside_ns = outside_in(c, &w);
	}
}

void contexts_join(const struct contexts *c, const struct model *m, struct request *r)
{
	if (!place_is_vm(m->place))
		return;
	join_request(c, m, r);
	join_reply(c, m, r);
	join_outside(c, r);
}
