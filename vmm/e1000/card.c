/* The card as a whole: what power-on, reset and the end of the tap make of its parts. */
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/e1000/e1000.h"
#include "vmm/net/tap.h"

#define SUBSYSTEM 0x001e /* PRO/1000 MT Desktop Adapter */
#define DEVICE    0x100e

/* Registers that are not 0 after a reset (13.4). */
static const struct {
	uint16_t offset;
	uint32_t value;
} defaults[] = {
	{REG_CTRL, CTRL_FD | CTRL_SPD_1000},
	{REG_VET, 0x8100},
	{REG_LEDCTL, 0x07068302},
	{REG_PBA, 0x0030},
};

void e1000_ring_bell(struct e1000 *e)
{
	/* Cannot fail but by overflow, and then it rings anyway. */
	eventfd_write(e->bell.fd, 1);
}

static void bell_rings(struct loop_source *s, uint32_t events)
{
	struct e1000 *e = s->owner;
	eventfd_t n;

	(void)events;
	eventfd_read(s->fd, &n);
	if (__atomic_exchange_n(&e->tx.owed, false, __ATOMIC_SEQ_CST))
		tx_run(e);
	rx_look_again(e);
}

static void timer_expires(struct loop_source *s, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) == sizeof(n))
		irq_timer(s->owner);
}

static void tap_ready(struct loop_source *s, uint32_t events)
{
	struct e1000 *e = s->owner;

	if (events & EPOLLOUT) {
		__atomic_store_n(&e->tx.blocked, false, __ATOMIC_SEQ_CST);
		tx_run(e);
	}
	rx_run(e);
}

void e1000_tap_gone(struct e1000 *e)
{
	fprintf(stderr,
		"strata-vmm: %s: the tap cannot be read any more, has it been removed? "
		"The link is down\n",
		e->name);
	e->tap_gone = true;
	__atomic_store_n(&e->phy.link, false, __ATOMIC_RELAXED);
	irq_raise(e, INT_LSC);
}

void e1000_set_promiscuous(struct e1000 *e, bool on)
{
	bool was = e1000_reg(e, REG_RCTL) & RCTL_UPE;

	/* Where the host does not permit it, it has said so when the card was made. */
	if (on != was)
		link_set_promiscuous(&e->link, on);
}

void e1000_reset(struct e1000 *e)
{
	e1000_set_promiscuous(e, false);
	memset(e->reg, 0, sizeof(e->reg));
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		e->reg[defaults[i].offset / 4] = defaults[i].value;
	/* The EEPROM is read: the card's address is in the first receive address. */
	e->reg[REG_RA / 4] = e->eeprom.word[0] | (uint32_t)e->eeprom.word[1] << 16;
	e->reg[REG_RA / 4 + 1] = e->eeprom.word[2] | RAH_AV;
	e->rx.ring = e->tx.ring = (struct e1000_ring){0};
	e->tx.plain = e->tx.segmented = (struct e1000_context){0};
	phy_reset(&e->phy);
	statistics_clear(&e->statistics);
	irq_reset(e);
	e->resets++;
}

static int open_sources(struct e1000 *e)
{
	e->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->bell.fd < 0 || e->timer.fd < 0)
		return err_errno("%s: cannot make its bell and timer", e->name);
	if (loop_add(e->loop, &e->bell, EPOLLIN) || loop_add(e->loop, &e->timer, EPOLLIN))
		return -1;
	return 0;
}

/* On the loop: a frame, or a ring, is affordable again. */
static void resume(void *owner, enum limit_way way)
{
	struct e1000 *e = owner;

	if (way == LIMIT_OUT) {
		tx_run(e);
	} else {
		e->rx.limited = false;
		rx_run(e);
	}
}

/* Each way's lane is that of the thread that goes on, under its lock. */
static void waited(void *owner, enum limit_way way, uint64_t from_ns, uint64_t to_ns)
{
	struct e1000 *e = owner;

	trace_limited(e->trace, way == LIMIT_IN ? e->rx.lane : e->tx.lane, from_ns, to_ns);
}

int e1000_init(struct e1000 *e, int fd, struct loop *loop, const struct guest_memory *m,
	       struct trace *trace)
{
	e->fd = fd;
	e->loop = loop;
	e->memory = m;
	e->trace = trace;
	e->rx.lane = trace_lane(trace);
	e->tx.lane = trace_lane(trace);
	e->rx.tap = (struct loop_source){fd, tap_ready, e};
	e->bell = (struct loop_source){-1, bell_rings, e};
	e->timer = (struct loop_source){-1, timer_expires, e};
	pthread_mutex_init(&e->rx_lock, NULL);
	pthread_mutex_init(&e->tx_lock, NULL);
	pthread_mutex_init(&e->irq_lock, NULL);
	limits_init(&e->limits, &net_limits, loop, resume, e);
	e->limits.waited = waited;
	/* The card takes no segments longer than its wire's, nor sums that are not there. */
	tap_set_offloads(fd, 0);
	eeprom_init(&e->eeprom, e->link.mac, SUBSYSTEM, DEVICE);
	e->phy.link = true;
	e1000_reset(e);
	e->resets = 0;
	return open_sources(e);
}

void e1000_destroy(struct e1000 *e)
{
	struct loop_source *sources[] = {&e->rx.tap, &e->bell, &e->timer};

	if (!e->loop)
		return;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i]->fd < 0)
			continue;
		loop_remove(e->loop, sources[i]);
		close(sources[i]->fd);
	}
	limits_destroy(&e->limits);
	link_close(&e->link);
	pthread_mutex_destroy(&e->rx_lock);
	pthread_mutex_destroy(&e->tx_lock);
	pthread_mutex_destroy(&e->irq_lock);
}
