/* Context hops: see contexts.h. */
#include "tracer/contexts.h"

#include <stdlib.h>

#include "lib/err.h"
#include "lib/exits.h"
#include "tracer/cause_join.h"
#include "tracer/moments.h"

/* A device's interrupt is not older than this, where nobody saw what raised it. */
#define UNSEEN_NS 10000000u

struct contexts {
	struct moments kind[EVENT_KINDS];
	size_t max;
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
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		free(c->kind[kind].at);
	free(c);
}

int contexts_add(struct contexts *c, const struct observation *o)
{
	return moments_add(&c->kind[o->hop], o, c->max);
}

static bool take(struct request *r, enum strata_hop hop, const struct moment *m)
{
	if (m)
		r->hops[hop] = (struct hop_seen){.time_ns = m->time_ns,
						 .tid = m->tid,
						 .seq = m->irqs,
						 .len = m->reason,
						 .cpu = m->cpu,
						 .queue = m->vcpu,
						 .domain = m->domain,
						 .flags = m->flags,
						 .event_flags = EVENT_CONTEXT};
	return m;
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

/* What is found in the window moves its beginning: what follows from it comes later. */
static void then_first(const struct contexts *c, struct window *w, int kind,
		       enum strata_hop hop, struct request *r)
{
	if (take(r, hop, moments_first(&c->kind[kind], w)))
		w->from_ns = r->hops[hop].time_ns;
}

/* vhost's worker: woken, and run for that. At work already, it is neither. */
static void join_worker(const struct contexts *c, struct window w, enum strata_hop wake,
			enum strata_hop run, struct request *r)
{
	then_first(c, &w, CONTEXT_WORKER_WAKE, wake, r);
	if (seen(r, wake))
		take(r, run, moments_first(&c->kind[CONTEXT_WORKER_RUN], &w));
}

/* From the interrupt to the guest: wake-up, run, entry. */
static void join_vcpu(const struct contexts *c, const struct model *m, struct window *w,
		      const struct hop_seen *guest, struct request *r)
{
	uint64_t latest_ns = w->to_ns;

	w->vcpu = guest->cpu;
	if (seen(r, HOP_KVM_IRQ) || !m->hops[HOP_KVM_IRQ].in_force)
		then_first(c, w, HOP_VCPU_WAKE, HOP_VCPU_WAKE, r);
	then_first(c, w, HOP_VCPU_RUN, HOP_VCPU_RUN, r);
	w->to_ns = guest->time_ns;
	if (take(r, HOP_KVM_ENTRY, moments_last(&c->kind[HOP_KVM_ENTRY], w)))
		return;
	/* none before the guest's clock says it ran: that may be behind a little */
	w->from_ns = w->from_ns > guest->time_ns ? w->from_ns : guest->time_ns;
	w->to_ns = latest_ns;
	take(r, HOP_KVM_ENTRY, moments_first(&c->kind[HOP_KVM_ENTRY], w));
}

/* The VMM serves the NIC, and says when it does what. */
static bool vmm_tells(const struct model *m)
{
	return m->place != PLACE_VHOST && m->hops[HOP_VMM_RX_PUBLISH].in_force;
}

/*
 * Which message is its card's only the VMM knows. Where it does not tell, what the thread sends
 * that took the frame is the card's; what others send, as for a disk, is only if there is no
 * such.
 */
static void join_irq(const struct contexts *c, const struct model *m, struct window *w,
		     struct request *r)
{
	struct window own = *w;

	own.tid = vmm_tells(m) ? 0 : r->hops[HOP_VMM_RX_READ].tid;
	if (own.tid && take(r, HOP_KVM_IRQ, moments_first(&c->kind[HOP_KVM_IRQ], &own)))
		w->from_ns = r->hops[HOP_KVM_IRQ].time_ns;
	else
		then_first(c, w, HOP_KVM_IRQ, HOP_KVM_IRQ, r);
}

/*
 * The host has the frame in its hands, and then shows it to the guest: from there on the
 * interrupt is the next one. Without one of its own nobody was woken for this packet, but the
 * vCPU still has to run to see it.
 */
static void join_served(const struct contexts *c, const struct model *m, struct window *w,
			const struct hop_seen *guest, struct request *r)
{
	static const enum strata_hop shown[] = {HOP_VMM_RX_PUBLISH, HOP_VMM_RX_READ,
						HOP_VHOST_RX_READ, HOP_PORT_XMIT};
	const struct hop_seen *from = first_seen(r, shown, vmm_tells(m) ? 1 : 4);

	if (!from)
		return;
	if (m->place == PLACE_VHOST && seen(r, HOP_PORT_XMIT)) {
		struct window worker = *w;

		worker.from_ns = r->hops[HOP_PORT_XMIT].time_ns;
		if (seen(r, HOP_VHOST_RX_READ))
			worker.to_ns = r->hops[HOP_VHOST_RX_READ].time_ns;
		join_worker(c, worker, HOP_VHOST_RX_WAKE, HOP_VHOST_RX_RUN, r);
	}
	w->from_ns = from->time_ns;
	join_irq(c, m, w, r);
	join_vcpu(c, m, w, guest, r);
}

/*
 * The device has put the frame into the guest's memory and nobody saw it: all that is known is
 * the interrupt that the guest's driver took for it, and so the last one before that.
 */
static void join_passed_through(const struct contexts *c, const struct model *m,
				struct window *w, const struct hop_seen *guest,
				struct request *r)
{
	if (!seen(r, HOP_GUEST_IRQ))
		return;
	w->from_ns = seen(r, HOP_CLIENT_XMIT)     ? r->hops[HOP_CLIENT_XMIT].time_ns
		     : guest->time_ns > UNSEEN_NS ? guest->time_ns - UNSEEN_NS
						  : 0;
	if (take(r, HOP_KVM_IRQ, moments_last(&c->kind[HOP_KVM_IRQ], w))) {
		struct window device = *w;

		device.to_ns = r->hops[HOP_KVM_IRQ].time_ns;
		take(r, HOP_VFIO_IRQ, moments_last(&c->kind[HOP_VFIO_IRQ], &device));
		w->from_ns = device.to_ns;
	} else if (!seen(r, HOP_CLIENT_XMIT)) {
		return;
	}
	join_vcpu(c, m, w, guest, r);
}

static void join_request(const struct contexts *c, const struct model *m, struct request *r)
{
	static const enum strata_hop arrivals[] = {HOP_GUEST_IRQ, HOP_GUEST_NAPI, HOP_STACK_RX};
	const struct hop_seen *guest = first_seen(r, arrivals, 3);
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};

	if (!guest)
		return;
	w.to_ns = guest->time_ns + m->domains[guest->domain].error_ns;
	if (m->place == PLACE_PASSTHROUGH)
		join_passed_through(c, m, &w, guest, r);
	else
		join_served(c, m, &w, guest, r);
}

/* From the guest's driver to who serves its NIC: the doorbell's exit and what it signals. */
static void join_reply(const struct contexts *c, const struct model *m, struct request *r)
{
	static const enum strata_hop served[] = {HOP_VMM_TX_POP, HOP_PORT_RX};
	const struct hop_seen *xmit = &r->hops[HOP_STACK_XMIT];
	const struct hop_seen *by = first_seen(r, served, vmm_tells(m) ? 1 : 2);
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};
	uint64_t error_ns = m->domains[xmit->domain].error_ns;

	if (!seen(r, HOP_STACK_XMIT) || !by)
		return;
	w.from_ns = xmit->time_ns > error_ns ? xmit->time_ns - error_ns : 0;
	w.to_ns = by->time_ns;
	if (take(r, HOP_KVM_KICK, moments_last(&c->kind[HOP_KVM_KICK], &w))) {
		struct window worker = w;

		w.to_ns = worker.from_ns = r->hops[HOP_KVM_KICK].time_ns;
		if (m->place == PLACE_VHOST)
			join_worker(c, worker, HOP_VHOST_TX_WAKE, HOP_VHOST_TX_RUN, r);
	} else if (m->hops[HOP_KVM_KICK].in_force) {
		return; /* an exit, but for something else */
	}
	take(r, HOP_KVM_EXIT, moments_last(&c->kind[HOP_KVM_EXIT], &w));
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
			r->hops[hop].outside_ns =
				moments_overlap(&c->kind[CONTEXT_VCPU_OUT], &w);
	}
}

/* ---- a guest that nobody looks into ---- */

/* What woke who sent the reply: the last doorbell before that. Of other doorbells, meanwhile,
 * nobody can say whose they are. */
static void join_dark_reply(const struct contexts *c, const struct model *m, struct window w,
			    struct request *r)
{
	if (m->place == PLACE_VHOST) {
		if (!take(r, HOP_VHOST_TX_RUN, moments_last(&c->kind[CONTEXT_WORKER_RUN], &w)))
			return;
		w.to_ns = r->hops[HOP_VHOST_TX_RUN].time_ns;
		if (take(r, HOP_VHOST_TX_WAKE, moments_last(&c->kind[CONTEXT_WORKER_WAKE], &w)))
			w.to_ns = r->hops[HOP_VHOST_TX_WAKE].time_ns;
	}
	if (!take(r, HOP_KVM_KICK, moments_last(&c->kind[HOP_KVM_KICK], &w)))
		return;
	w.to_ns = r->hops[HOP_KVM_KICK].time_ns;
	take(r, HOP_KVM_EXIT, moments_last(&c->kind[HOP_KVM_EXIT], &w));
}

/* Did the vCPU enter guest mode to see the frame? If it was in it already, a later entry is for
 * something else. */
static bool entered_for(const struct contexts *c, const struct window *since,
			const struct moment *entry)
{
	struct window out = *since;

	out.to_ns = entry->time_ns;
	out.vcpu = entry->vcpu;
	return 2 * moments_overlap(&c->kind[CONTEXT_VCPU_OUT], &out) >=
	       entry->time_ns - since->from_ns;
}

/* The interrupt, the vCPU that it woke, and its way into the guest. */
static void join_dark_vcpu(const struct contexts *c, const struct model *m, struct window *w,
			   struct request *r)
{
	const struct moment *at;

	join_irq(c, m, w, r);
	at = seen(r, HOP_KVM_IRQ) ? moments_first(&c->kind[HOP_VCPU_WAKE], w) : NULL;
	if (take(r, HOP_VCPU_WAKE, at)) {
		w->from_ns = at->time_ns;
		w->vcpu = at->vcpu;
		then_first(c, w, HOP_VCPU_RUN, HOP_VCPU_RUN, r);
	}
	at = moments_first(&c->kind[HOP_KVM_ENTRY], w);
	if (at && entered_for(c, w, at) && take(r, HOP_KVM_ENTRY, at)) {
		w->from_ns = at->time_ns;
		w->vcpu = at->vcpu;
	}
}

/*
 * All that is known is what the guest was given and what it rang: the time between is its own,
 * but for what the vCPU that took the request was out of guest mode.
 */
static void join_dark(const struct contexts *c, const struct model *m, struct request *r)
{
	static const enum strata_hop shown[] = {HOP_VMM_RX_PUBLISH, HOP_VMM_RX_READ,
						HOP_VHOST_RX_READ, HOP_PORT_XMIT};
	const struct hop_seen *from = first_seen(r, shown, 4);
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};

	if (!from || !seen(r, HOP_PORT_RX))
		return;
	if (m->place == PLACE_VHOST && seen(r, HOP_PORT_XMIT)) {
		struct window worker = w;

		worker.from_ns = r->hops[HOP_PORT_XMIT].time_ns;
		worker.to_ns = seen(r, HOP_VHOST_RX_READ) ? from->time_ns
							  : r->hops[HOP_PORT_RX].time_ns;
		join_worker(c, worker, HOP_VHOST_RX_WAKE, HOP_VHOST_RX_RUN, r);
	}
	w.from_ns = from->time_ns;
	w.to_ns = r->hops[HOP_PORT_RX].time_ns;
	join_dark_reply(c, m, w, r);
	if (seen(r, HOP_KVM_EXIT))
		w.to_ns = r->hops[HOP_KVM_EXIT].time_ns;
	join_dark_vcpu(c, m, &w, r);
	r->hops[HOP_GUEST] = (struct hop_seen){.time_ns = w.from_ns, .flags = HOP_SEEN};
	if (w.vcpu == ANY_VCPU)
		return;
	r->hops[HOP_GUEST].cpu = (uint16_t)w.vcpu;
	r->hops[HOP_GUEST].outside_ns = moments_overlap(&c->kind[CONTEXT_VCPU_OUT], &w);
}

/* ---- exits and interrupts ---- */

static void count_exit(void *ctx, const struct moment *at)
{
	struct request *r = ctx;

	r->exits[exit_kind(at->reason)]++;
}

/* How many interrupts the VM had been given up to then; false if nobody knows. */
static bool irqs_until(const struct contexts *c, uint8_t vm, uint64_t time_ns, uint32_t *irqs)
{
	const struct window w = {.to_ns = time_ns, .vm = vm, .vcpu = ANY_VCPU};
	const struct moment *at = moments_last(&c->kind[CONTEXT_VCPU_OUT], &w);

	if (at)
		*irqs = at->irqs;
	return at;
}

/*
 * While the request was in the VM: from when the guest could see it until its reply had left.
 * All vCPUs' exits count, and of the other requests in the VM at the time each counts them,
 * too.
 */
static void count(const struct contexts *c, struct request *r)
{
	static const enum strata_hop arrivals[] = {
		HOP_VMM_RX_PUBLISH, HOP_VMM_RX_READ, HOP_VHOST_RX_READ, HOP_VFIO_IRQ,
		HOP_KVM_IRQ,        HOP_GUEST_IRQ,   HOP_GUEST_NAPI,    HOP_STACK_RX};
	static const enum strata_hop departures[] = {HOP_VMM_TX_POP, HOP_PORT_RX, HOP_NIC_XMIT,
						     HOP_STACK_XMIT};
	const struct hop_seen *from = first_seen(r, arrivals, 8);
	const struct hop_seen *to = first_seen(r, departures, 4);
	struct window w = {.vm = r->vm, .vcpu = ANY_VCPU};
	uint32_t before, after;

	if (!from || !to || !irqs_until(c, r->vm, from->time_ns, &before) ||
	    !irqs_until(c, r->vm, to->time_ns, &after))
		return;
	w.from_ns = from->time_ns;
	w.to_ns = to->time_ns;
	moments_within(&c->kind[CONTEXT_VCPU_OUT], &w, count_exit, r);
	/* two CPUs that tell the count at the same moment may do it in the wrong order */
	r->interrupts = (int32_t)(after - before) > 0 ? after - before : 0;
	r->counted = true;
}

void contexts_join(const struct contexts *c, const struct model *m, struct request *r)
{
	if (place_is_vm(m->place)) {
		if (model_is_dark(m, r->vm)) {
			join_dark(c, m, r);
		} else {
			join_request(c, m, r);
			join_reply(c, m, r);
			join_outside(c, r);
		}
		count(c, r);
	}
	causes_join(c->kind, m, r);
}
