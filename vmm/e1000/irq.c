/* Interrupts of the card: causes from all sides to the PCI line, and the timer for those that
 * wait. */
#include <sys/timerfd.h>
#include <time.h>

#include "vmm/e1000/e1000.h"

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void set_timer(struct e1000 *e, uint64_t at)
{
	struct itimerspec when = {
		.it_value = {(time_t)(at / 1000000000ULL), (long)(at % 1000000000ULL)}};

	/* One that goes off early finds nothing to do and is set again. */
	if (!at || (e->timer_at && e->timer_at <= at))
		return;
	e->timer_at = at;
	timerfd_settime(e->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void update(struct e1000 *e, uint64_t now)
{
	set_timer(e, interrupts_step(&e->irq, now));
	if (e->line == e->irq.asserted)
		return;
	e->line = e->irq.asserted;
	pci_intx(&e->pci, e->line);
}

void irq_raise(struct e1000 *e, uint32_t causes)
{
	pthread_mutex_lock(&e->irq_lock);
	e->irq.causes |= causes;
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_event(struct e1000 *e, struct interrupt_delay *d, uint32_t causes)
{
	uint64_t now = clock_ns();

	pthread_mutex_lock(&e->irq_lock);
	e->irq.causes |= causes;
	interrupts_event(&e->irq, d, now);
	update(e, now);
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_flush(struct e1000 *e, struct interrupt_delay *d)
{
	pthread_mutex_lock(&e->irq_lock);
	interrupts_flush(&e->irq, d);
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

uint32_t irq_take(struct e1000 *e)
{
	uint32_t causes;

	pthread_mutex_lock(&e->irq_lock);
	causes = interrupts_take(&e->irq);
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
	return causes;
}

void irq_clear(struct e1000 *e, uint32_t causes)
{
	pthread_mutex_lock(&e->irq_lock);
	e->irq.causes &= ~causes;
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_enable(struct e1000 *e, uint32_t causes)
{
	pthread_mutex_lock(&e->irq_lock);
	e->irq.enabled |= causes;
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_disable(struct e1000 *e, uint32_t causes)
{
	pthread_mutex_lock(&e->irq_lock);
	e->irq.enabled &= ~causes;
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

static uint64_t delay_ns(const struct e1000 *e, unsigned int reg)
{
	return (uint64_t)(e1000_reg(e, reg) & 0xffff) * DELAY_UNIT_NS;
}

void irq_configure(struct e1000 *e)
{
	struct interrupts *i = &e->irq;

	pthread_mutex_lock(&e->irq_lock);
	i->interval_ns = (uint64_t)(e1000_reg(e, REG_ITR) & 0xffff) * ITR_UNIT_NS;
	i->rx.packet_ns = delay_ns(e, REG_RDTR);
	i->rx.absolute_ns = delay_ns(e, REG_RADV);
	i->tx.packet_ns = delay_ns(e, REG_TIDV);
	i->tx.absolute_ns = delay_ns(e, REG_TADV);
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_reset(struct e1000 *e)
{
	pthread_mutex_lock(&e->irq_lock);
	interrupts_init(&e->irq);
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}

void irq_timer(struct e1000 *e)
{
	pthread_mutex_lock(&e->irq_lock);
	e->timer_at = 0;
	update(e, clock_ns());
	pthread_mutex_unlock(&e->irq_lock);
}
