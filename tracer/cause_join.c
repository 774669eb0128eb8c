/* What each hop was made of: see cause_join.h. */
#include "tracer/cause_join.h"

#include <string.h>

#include "lib/exits.h"

/* Of one hop's time, what nobody has claimed yet. */
#define FREE_MAX 64

struct stretch {
	uint64_t from_ns, to_ns;
};

struct unclaimed {
	struct stretch at[FREE_MAX];
	size_t count;
};

/* Take what is free of that stretch; how much it was. */
static uint64_t claim(struct unclaimed *u, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < u->count; i++) {
		struct stretch *s = &u->at[i], rest = *s;
		uint64_t from = from_ns > s->from_ns ? from_ns : s->from_ns;
		uint64_t to = to_ns < s->to_ns ? to_ns : s->to_ns;

		if (from >= to)
			continue;
		sum += to - from;
		s->to_ns = from;
		rest.from_ns = to;
		if (s->to_ns == s->from_ns)
			*s = rest;
		else if (rest.from_ns < rest.to_ns && u->count < FREE_MAX)
			u->at[u->count++] = rest;
	}
	return sum;
}

/* What is looked at for which hops. */
struct search {
	const struct moments *kind;
	const struct model *m;
	struct request *r;
	struct unclaimed unclaimed;
	enum strata_hop hop;
	enum off_task task;
	uint32_t tid;   /* of the server's process; 0: any */
	uint8_t domain; /* whose tasks */
};

/* A guest that nobody looks into has one hop, which the host knows of. */
static bool in_guest(const struct request *r, int hop)
{
	return hop == HOP_GUEST || r->hops[hop].domain != 0;
}

static void part(struct search *s, enum cause cause, uint64_t from_ns, uint64_t to_ns,
		 uint16_t actor, uint8_t detail)
{
	bool guests = in_guest(s->r, s->hop);
	struct request_cause found = {
		.ns = claim(&s->unclaimed, from_ns, to_ns),
		.actor = actor,
		.hop = (uint8_t)s->hop,
		.cause = (uint8_t)cause,
		.layer = (uint8_t)(guests && !s->domain ? LAYER_HYPERVISOR
							: hop_table[s->hop].layer),
		.detail = detail,
	};

	if (found.ns)
		causes_add(&s->r->causes, &found);
}

static enum cause slept_for(uint32_t off)
{
	static const enum cause by_waker[] = {[OFF_WAKER_OTHER] = CAUSE_SLEEP,
					      [OFF_WAKER_REQUEST] = CAUSE_REQUEST,
					      [OFF_WAKER_UPSTREAM] = CAUSE_UPSTREAM,
					      [OFF_WAKER_WINDOW] = CAUSE_WINDOW};

	return off & OFF_DISK ? CAUSE_DISK : by_waker[(off & OFF_WAKER) >> OFF_WAKER_SHIFT];
}

static bool of_task(const struct search *s, const struct moment *at)
{
	return (MOMENT_OFF(at->about) & OFF_TASK) == (uint32_t)s->task &&
	       at->domain == s->domain && (!s->tid || at->tid == s->tid);
}

/* While the server sleeps, nobody waits for what its vCPU's exits take. */
static void forgive_exits(struct search *s, uint64_t from_ns, uint64_t to_ns)
{
	struct hop_seen *hop = &s->r->hops[s->hop];
	uint64_t idle_ns = 0;

	for (size_t i = 0; hop->outside_ns && i < s->unclaimed.count; i++) {
		const struct stretch *free = &s->unclaimed.at[i];
		struct window w = {.from_ns = from_ns > free->from_ns ? from_ns : free->from_ns,
				   .to_ns = to_ns < free->to_ns ? to_ns : free->to_ns,
				   .vm = s->r->vm,
				   .vcpu = hop->cpu};

		if (w.from_ns < w.to_ns)
			idle_ns += moments_overlap(&s->kind[CONTEXT_VCPU_OUT], &w);
	}
	hop->outside_ns -= idle_ns < hop->outside_ns ? idle_ns : hop->outside_ns;
}

static void take_sleep(void *ctx, const struct moment *at)
{
	struct search *s = ctx;
	uint32_t off = MOMENT_OFF(at->about);
	uint64_t left_ns = at->time_ns - at->took_ns, ready_ns = at->time_ns - at->irqs;

	if (!of_task(s, at) || !(off & OFF_BLOCKED))
		return;
	forgive_exits(s, left_ns, ready_ns);
	part(s, slept_for(off), left_ns, ready_ns, 0, 0);
}

/* Its quota was used up, then others ran: in that order. */
static void take_wait(void *ctx, const struct moment *at)
{
	struct search *s = ctx;
	uint16_t actor = MOMENT_ACTOR(at->about);
	/* of one that was taken away all of it, which may be more than the event has room for
	 */
	bool slept = MOMENT_OFF(at->about) & OFF_BLOCKED;
	uint64_t ready_ns = at->time_ns - (slept ? at->irqs : at->took_ns);
	uint64_t quota_ns = ready_ns + at->reason;

	if (!of_task(s, at))
		return;
	part(s, CAUSE_QUOTA, ready_ns, quota_ns, 0, (uint8_t)s->task);
	part(s, actor ? CAUSE_CPU : CAUSE_WAKE, quota_ns, at->time_ns, actor, (uint8_t)s->task);
}

static void take_limit(void *ctx, const struct moment *at)
{
	struct search *s = ctx;

	if (of_task(s, at) && (MOMENT_OFF(at->about) & OFF_LIMITED))
		part(s, CAUSE_LIMIT, at->time_ns - at->took_ns, at->time_ns, 0, 0);
}

static void take_exit(void *ctx, const struct moment *at)
{
	struct search *s = ctx;

	part(s, CAUSE_EXIT, at->time_ns - at->took_ns, at->time_ns, 0,
	     (uint8_t)exit_kind(at->reason));
}

/* A poll that was cut short in this CPU, from then on. */
static void take_full(void *ctx, const struct moment *at)
{
	struct search *s = ctx;

	if (at->domain == s->domain && at->cpu == s->r->hops[s->hop].cpu)
		part(s, CAUSE_BUDGET, at->time_ns, UINT64_MAX, 0, 0);
}

static bool polled_by_ksoftirqd(const struct search *s, int next)
{
	const struct hop_seen *seen = &s->r->hops[next];

	return (next == HOP_NIC_RX || next == HOP_GUEST_NAPI) &&
	       model_is_ksoftirqd(s->m, seen->domain, seen->tid);
}

/* Which tasks had to run for the request to get on: from one hop up to and including another.
 */
static const struct {
	enum strata_hop from, to;
	enum off_task task;
} needed[] = {
	{HOP_PORT_XMIT, HOP_VMM_RX_PUBLISH, OFF_VMM},
	{HOP_PORT_XMIT, HOP_VHOST_RX_READ, OFF_WORKER},
	{HOP_VMM_RX_PUBLISH, HOP_STACK_XMIT, OFF_VCPU},
	{HOP_SOCK_READY, HOP_APP_WRITE, OFF_SERVER},
	{HOP_KVM_EXIT, HOP_KVM_KICK, OFF_VCPU},
	{HOP_STACK_XMIT, HOP_VMM_TX_POP, OFF_VMM},
	{HOP_STACK_XMIT, HOP_VHOST_TX_RUN, OFF_WORKER},
};

static bool needs(enum strata_hop hop, enum off_task task)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (needed[i].task == task && hop >= needed[i].from && hop <= needed[i].to)
			return true;
	return false;
}

static bool seen(const struct request *r, int hop)
{
	return (r->hops[hop].flags & HOP_SEEN) != 0;
}

/* The vCPU that the request was handled on; a guest's hop says its own. */
static int vcpu_of(const struct request *r, int hop)
{
	static const enum strata_hop guests[] = {HOP_GUEST, HOP_GUEST_IRQ, HOP_GUEST_NAPI,
						 HOP_STACK_RX};

	if (in_guest(r, hop))
		return r->hops[hop].cpu;
	for (size_t i = 0; hop < HOP_GUEST_IRQ && i < sizeof(guests) / sizeof(guests[0]); i++)
		if (seen(r, guests[i]))
			return r->hops[guests[i]].cpu;
	return seen(r, HOP_STACK_XMIT) ? r->hops[HOP_STACK_XMIT].cpu : ANY_VCPU;
}

/* One that nobody looks into took the request while it ran: on any of its vCPUs. */
static bool vcpu_known(const struct request *r, int hop)
{
	return hop != HOP_GUEST || seen(r, HOP_VCPU_WAKE) || seen(r, HOP_KVM_ENTRY);
}

/* The host's side first: while a vCPU waits, nothing in the guest gets on. */
static void search_vcpu(struct search *s, struct window *w)
{
	s->domain = 0;
	s->task = OFF_VCPU;
	w->vcpu = vcpu_of(s->r, s->hop);
	moments_within(&s->kind[CONTEXT_TASK_OFF], w, take_wait, s);
	w->vcpu = ANY_VCPU;
}

static void search_exits(struct search *s, struct window *w)
{
	s->domain = 0;
	w->vcpu = vcpu_of(s->r, s->hop);
	moments_within(&s->kind[CONTEXT_VCPU_OUT], w, take_exit, s);
	w->vcpu = ANY_VCPU;
}

static void search_helpers(struct search *s, const struct window *w)
{
	s->domain = 0;
	for (s->task = OFF_WORKER; s->task <= OFF_VMM; s->task++)
		if (needs(s->hop, s->task))
			moments_within(&s->kind[CONTEXT_TASK_OFF], w, take_wait, s);
	s->task = OFF_VMM;
	if (needs(s->hop, OFF_VMM))
		moments_within(&s->kind[CONTEXT_TASK_OFF], w, take_limit, s);
}

static void search_server(struct search *s, const struct window *w,
			  void (*take)(void *ctx, const struct moment *at))
{
	const struct hop_seen *read = &s->r->hops[HOP_APP_READ];

	if (!read->tid || !needs(s->hop, OFF_SERVER))
		return;
	s->task = OFF_SERVER;
	s->domain = read->domain;
	s->tid = read->tid;
	moments_within(&s->kind[CONTEXT_TASK_OFF], w, take, s);
	s->tid = 0;
}

static void search_softirqs(struct search *s, const struct window *w, int next)
{
	if (next != HOP_NIC_RX && next != HOP_GUEST_NAPI)
		return;
	s->domain = s->r->hops[s->hop].domain;
	if (polled_by_ksoftirqd(s, next))
		part(s, CAUSE_KSOFTIRQD, w->from_ns, w->to_ns, 0, 0);
	else
		moments_within(&s->kind[CONTEXT_NAPI_FULL], w, take_full, s);
}

static void search_hop(struct search *s, int next)
{
	const struct request *r = s->r;
	bool vcpu = r->vm && needs(s->hop, OFF_VCPU) && vcpu_known(r, s->hop);
	struct window w = {.from_ns = r->hops[s->hop].time_ns,
			   .to_ns = r->hops[next].time_ns,
			   .vm = r->vm,
			   .vcpu = ANY_VCPU};

	if (w.to_ns <= w.from_ns)
		return;
	s->unclaimed.count = 1;
	s->unclaimed.at[0] = (struct stretch){w.from_ns, w.to_ns};
	s->tid = 0;
	s->domain = r->hops[s->hop].domain;
	if (r->hops[s->hop].again_ns)
		part(s, CAUSE_RESENT, w.from_ns, r->hops[s->hop].again_ns, 0, 0);
	if (vcpu)
		search_vcpu(s, &w);
	search_server(s, &w, take_sleep);
	if (vcpu && in_guest(r, s->hop))
		search_exits(s, &w);
	if (r->vm)
		search_helpers(s, &w);
	search_server(s, &w, take_wait);
	search_softirqs(s, &w, next);
}

void causes_join(const struct moments *kind, const struct model *m, struct request *r)
{
	struct search s = {.kind = kind, .m = m, .r = r};
	int last = -1;

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		if (!seen(r, hop))
			continue;
		if (last >= 0) {
			s.hop = (enum strata_hop)last;
			search_hop(&s, hop);
		}
		last = hop;
	}
}
