/*
 * Receiving: from the tap into the guest's descriptors (8254x manual, 3.2). A frame is read
 * into memory of ours first: how long it is, and whether the card takes it in, is known only
 * then, and the guest cannot change what we look at.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/e1000/e1000.h"
#include "vmm/e1000/filter.h"
#include "vmm/virtio/counter.h"

#define FRAMES_PER_TURN 64
#define TAG_BYTES       4
#define WIRE_MAX        1522  /* without RCTL.LPE, with a tag and the frame check sequence */
#define WIRE_MAX_LONG   16384 /* with it */

/* What a turn of frames asks of the interrupt. */
struct turn {
	bool received;
	uint32_t causes;
};

/* The frame in the buffer, with what its descriptor will say of it. */
struct incoming {
	uint8_t *bytes;
	size_t count;
	uint8_t status; /* of the last descriptor */
	uint16_t tag;
};

/* RCTL.BSIZE, times sixteen with BSEX, where 0 is reserved. */
static size_t buffer_bytes(uint32_t rctl)
{
	size_t bytes = 2048u >> (rctl >> RCTL_BSIZE_SHIFT & 3);

	return (rctl & RCTL_BSEX) && bytes < 2048 ? 16 * bytes : bytes;
}

static void watch(struct e1000 *e)
{
	struct e1000_rx *rx = &e->rx;
	uint32_t wanted = 0;

	if ((e1000_reg(e, REG_RCTL) & RCTL_EN) && !rx->starved && !rx->limited)
		wanted |= EPOLLIN;
	if (__atomic_load_n(&e->tx.blocked, __ATOMIC_SEQ_CST))
		wanted |= EPOLLOUT;
	if (e->tap_gone)
		wanted = 0;
	if (wanted == rx->polled)
		return;
	/* Removed rather than watched for nothing: errors would be reported all the same. */
	if (!wanted)
		loop_remove(e->loop, &rx->tap);
	else if (!rx->polled)
		loop_add(e->loop, &rx->tap, wanted);
	else
		loop_modify(e->loop, &rx->tap, wanted);
	rx->polled = wanted;
}

static struct trace_frame traced(const struct e1000 *e, const struct iovec *iov)
{
	return (struct trace_frame){
		.iov = iov,
		.iovcnt = 1,
		.skip = E1000_HEADER,
		.bytes = e->rx.held - E1000_HEADER,
		.index = (uint16_t)e->rx.ring.head,
	};
}

/* Read one frame to be held; false if there was none, or it cannot be afforded. */
static bool read_frame(struct e1000 *e)
{
	struct e1000_rx *rx = &e->rx;
	struct iovec iov = {rx->buffer, E1000_HEADER + E1000_TAP_MAX};
	struct trace_frame frame;
	ssize_t n;

	rx->limited = limits_wait(&e->limits, LIMIT_IN, 1);
	if (rx->limited)
		return false;
	do
		n = read(e->fd, iov.iov_base, iov.iov_len);
	while (n > 0 && (size_t)n < E1000_HEADER + ETH_HLEN);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		e1000_tap_gone(e);
		return false;
	}
	limits_charge(&e->limits, LIMIT_IN, (size_t)n - E1000_HEADER);
	rx->held = (size_t)n;
	frame = traced(e, &iov);
	trace_rx_read(e->trace, rx->lane, &frame);
	return true;
}

static struct incoming describe(struct e1000 *e)
{
	const struct virtio_net_hdr_v1 *header = (const void *)e->rx.buffer;
	struct incoming in = {e->rx.buffer + E1000_HEADER, e->rx.held - E1000_HEADER,
			      e->rx.hashed ? RXD_PIF : 0, 0};

	/* Whether its IP header is right, the host does not tell. */
	if ((header->flags & VIRTIO_NET_HDR_F_DATA_VALID) &&
	    (e->reg[REG_RXCSUM / 4] & RXCSUM_TUOFL))
		in.status |= RXD_TCPCS;
	else
		in.status |= RXD_IXSM;
	return in;
}

/* On a wire it would have been padded, and be followed by a check sequence that nobody reads.
 */
static void finish(const struct e1000 *e, struct incoming *in)
{
	if (in->count < ETH_ZLEN) {
		memset(in->bytes + in->count, 0, ETH_ZLEN - in->count);
		in->count = ETH_ZLEN;
	}
	if (!(e->reg[REG_RCTL / 4] & RCTL_SECRC)) {
		memset(in->bytes + in->count, 0, E1000_FCS);
		in->count += E1000_FCS;
	}
}

static void strip_tag(struct e1000 *e, struct incoming *in)
{
	if (!(e->reg[REG_CTRL / 4] & CTRL_VME) || !filter_tagged(e->reg, in->bytes, in->count))
		return;
	in->tag = (uint16_t)(in->bytes[ETH_HLEN] << 8 | in->bytes[ETH_HLEN + 1]);
	memmove(in->bytes + TAG_BYTES, in->bytes, 2 * ETH_ALEN);
	in->bytes += TAG_BYTES;
	in->count -= TAG_BYTES;
	in->status |= RXD_VP;
}

/* Fill one descriptor; false if its buffer is not in memory. */
static bool fill(struct e1000 *e, const struct incoming *in, size_t done, size_t part)
{
	struct rx_descriptor *d =
		(struct rx_descriptor *)e->rx.ring.descriptors + e->rx.ring.head;
	bool last = done + part == in->count;
	void *to = guest_ptr(e->memory, __atomic_load_n(&d->address, __ATOMIC_RELAXED), part);

	if (to)
		memcpy(to, in->bytes + done, part);
	d->length = (uint16_t)part;
	d->checksum = 0;
	d->errors = to ? 0 : RXD_ERROR_RXE;
	d->special = last ? in->tag : 0;
	__atomic_store_n(&d->status, RXD_DD | (last ? RXD_EOP | in->status : 0),
			 __ATOMIC_RELEASE);
	return to;
}

static void fill_all(struct e1000 *e, const struct incoming *in)
{
	struct e1000_rx *rx = &e->rx;
	size_t bytes = buffer_bytes(e->reg[REG_RCTL / 4]), done = 0, part;

	for (; done < in->count; done += part) {
		part = in->count - done < bytes ? in->count - done : bytes;
		if (!fill(e, in, done, part))
			counter_add(&rx->bad_descriptors, 1);
		rx->ring.head = ring_next(&rx->ring, rx->ring.head);
		counter_add(&rx->descriptors, 1);
	}
}

/* How many descriptors so many bytes take. */
static uint32_t needed(const struct e1000 *e, size_t bytes)
{
	size_t part = buffer_bytes(e->reg[REG_RCTL / 4]);

	return (uint32_t)((bytes + part - 1) / part);
}

/* Are there so many descriptors? If not, the loop waits until RDT moves. */
static bool has_room(struct e1000 *e, uint32_t count)
{
	struct e1000_rx *rx = &e->rx;

	if (ring_available(&rx->ring) >= count)
		return true;
	__atomic_store_n(&rx->starved, true, __ATOMIC_SEQ_CST);
	/* Unless it moved before the vCPU could see that. */
	if (ring_available(&rx->ring) < count)
		return false;
	__atomic_store_n(&rx->starved, false, __ATOMIC_SEQ_CST);
	return true;
}

/* Does the card take the frame in? */
static bool admit(struct e1000 *e)
{
	struct e1000_rx *rx = &e->rx;
	const uint8_t *bytes = rx->buffer + E1000_HEADER;
	size_t count = rx->held - E1000_HEADER, wire = count + E1000_FCS;
	bool whole = wire <= ((e->reg[REG_RCTL / 4] & RCTL_LPE) ? WIRE_MAX_LONG : WIRE_MAX);
	enum filter_verdict verdict = filter_frame(e->reg, bytes, count);
	bool taken = verdict != FILTER_DROP && whole;

	statistics_received(&e->statistics, bytes, wire, taken);
	if (verdict == FILTER_DROP) {
		counter_add(&rx->filtered, 1);
	} else if (!whole) {
		counter_add(&rx->dropped, 1);
		counter_add(&e->statistics.count[STAT_ROC], 1);
	}
	rx->hashed = verdict == FILTER_HASHED;
	return taken;
}

/* Few descriptors are left, when there were more before: RCTL.RDMTS. */
static uint32_t threshold_cause(const struct e1000 *e, uint32_t before)
{
	uint32_t few = e->rx.ring.size >> ((e->reg[REG_RCTL / 4] >> RCTL_RDMTS_SHIFT & 3) + 1);

	return before > few && ring_available(&e->rx.ring) <= few ? INT_RXDMT0 : 0;
}

/* Hand the held frame over. False if it has to wait for descriptors. rx_lock held. */
static bool deliver(struct e1000 *e, struct turn *t)
{
	struct e1000_rx *rx = &e->rx;
	struct iovec iov = {rx->buffer, rx->held};
	struct trace_frame frame = traced(e, &iov);
	struct incoming in = describe(e);
	uint32_t before;

	if (!has_room(e, needed(e, in.count + E1000_FCS)))
		return false;
	before = ring_available(&rx->ring);
	strip_tag(e, &in);
	finish(e, &in);
	/* Before: a guest that polls sees the frame with its last descriptor. */
	trace_rx_publish(e->trace, rx->lane, &frame);
	fill_all(e, &in);
	t->received = true;
	t->causes |= threshold_cause(e, before);
	counter_add(&rx->frames, 1);
	counter_add(&rx->bytes, rx->held - E1000_HEADER);
	return true;
}

static void starve(struct e1000 *e, struct turn *t)
{
	t->causes |= INT_RXO;
	counter_add(&e->rx.starvations, 1);
	counter_add(&e->statistics.count[STAT_RNBC], 1);
}

/* What becomes of the held frame; false: it waits. rx_lock held. */
static bool settle(struct e1000 *e, struct turn *t, bool waited)
{
	struct e1000_rx *rx = &e->rx;
	size_t bytes = rx->held - E1000_HEADER + E1000_FCS;

	/* A driver that has switched receiving off may use its buffers for other things. */
	if (!(e->reg[REG_RCTL / 4] & RCTL_EN) ||
	    (rx->ring.size && needed(e, bytes) >= rx->ring.size)) {
		counter_add(&rx->dropped, 1);
		return true;
	}
	if (!waited && !admit(e))
		return true;
	if (deliver(e, t))
		return true;
	if (!waited)
		starve(e, t);
	return false;
}

/* One frame on its way; false if there is none, or it cannot go on. */
static bool step(struct e1000 *e, struct turn *t)
{
	struct e1000_rx *rx = &e->rx;
	bool waited = rx->held, done;

	if (!waited && !read_frame(e))
		return false;
	pthread_mutex_lock(&e->rx_lock);
	done = settle(e, t, waited);
	pthread_mutex_unlock(&e->rx_lock);
	if (done)
		rx->held = 0;
	return done;
}

/* Is there anybody to receive for? */
static bool enabled(struct e1000 *e)
{
	if (e->tap_gone)
		return false;
	if (e1000_reg(e, REG_RCTL) & RCTL_EN)
		return true;
	if (e->rx.held)
		counter_add(&e->rx.dropped, 1);
	e->rx.held = 0;
	return false;
}

void rx_run(struct e1000 *e)
{
	struct turn t = {0};
	int turns = 0;

	while (enabled(e) && !e->rx.starved && turns < FRAMES_PER_TURN && step(e, &t))
		turns++;
	if (t.received)
		irq_event(e, &e->irq.rx, t.causes);
	else if (t.causes)
		irq_raise(e, t.causes);
	watch(e);
}

void rx_look_again(struct e1000 *e)
{
	__atomic_store_n(&e->rx.starved, false, __ATOMIC_SEQ_CST);
	rx_run(e);
}
