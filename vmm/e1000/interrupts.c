/* Interrupt causes, delays and throttling, as functions of time. */
#include "vmm/e1000/interrupts.h"

#include <string.h>

#include "vmm/e1000/regs.h"
#include "vmm/virtio/counter.h"

void interrupts_init(struct interrupts *i)
{
	uint64_t raised = i->raised, throttles = i->throttles;

	memset(i, 0, sizeof(*i));
	i->rx.cause = INT_RXT0;
	i->tx.cause = INT_TXDW;
	i->raised = raised;
	i->throttles = throttles;
}

void interrupts_flush(struct interrupts *i, struct interrupt_delay *d)
{
	if (d->packet_expires)
		i->causes |= d->cause;
	d->packet_expires = d->absolute_expires = 0;
}

void interrupts_event(struct interrupts *i, struct interrupt_delay *d, uint64_t now)
{
	if (!d->packet_ns) {
		i->causes |= d->cause;
		return;
	}
	if (!d->packet_expires && d->absolute_ns)
		d->absolute_expires = now + d->absolute_ns;
	d->packet_expires = now + d->packet_ns;
}

uint32_t interrupts_take(struct interrupts *i)
{
	uint32_t causes;

	/* Whoever reads looks after everything that has happened: what waits need not come
	 * again. */
	interrupts_flush(i, &i->rx);
	interrupts_flush(i, &i->tx);
	causes = i->causes;
	i->causes = 0;
	return causes;
}

/* The earlier of two moments; 0 is never. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

static uint64_t expire(struct interrupts *i, struct interrupt_delay *d, uint64_t now)
{
	uint64_t expires = earlier(d->packet_expires, d->absolute_expires);

	if (!expires || now < expires)
		return expires;
	interrupts_flush(i, d);
	return 0;
}

uint64_t interrupts_step(struct interrupts *i, uint64_t now)
{
	uint64_t next = earlier(expire(i, &i->rx, now), expire(i, &i->tx, now));
	bool wanted = i->causes & i->enabled;

	if (!wanted || i->asserted) {
		i->asserted = wanted;
		i->throttled = false;
		return next;
	}
	if (now < i->quiet_until) {
		if (!i->throttled)
			counter_add(&i->throttles, 1);
		i->throttled = true;
		return earlier(next, i->quiet_until);
	}
	i->asserted = true;
	i->throttled = false;
	i->quiet_until = i->interval_ns ? now + i->interval_ns : 0;
	counter_add(&i->raised, 1);
	return next;
}
