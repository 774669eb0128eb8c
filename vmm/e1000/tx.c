/*
 * Sending: from the guest's descriptors to the tap (8254x manual, 3.3 and 3.4). A frame is
 * gathered from its first descriptor to the one with EOP, written to the tap straight from the
 * guest's memory, and only then do its descriptors count as done.
 *
 * A write to TDT exits, for its value is the new tail: an ioeventfd would tell that it was
 * written, but not what. Who sends then? For the few descriptors of a small reply, the vCPU
 * that wrote it: waking the loop costs more than sending, and on an idle machine adds to the
 * reply's time. For more than that (segments to be cut up, a burst) the loop, while the guest
 * prepares the next. Measured in the testbed, with one vCPU, sending on the vCPU whatever it
 * is: requests as many as so, streams out of the guest 204 Mb/s instead of 696.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <sys/uio.h>

#include "vmm/e1000/e1000.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/iov.h"

#define GSO_BYTES_MAX (E1000_HEAD_MAX + 65535)

enum gathered {
	FRAME,
	CONTEXT,
	UNFINISHED, /* its end has not been put into the ring yet */
	NONSENSE,
};

/* What a run asks of the interrupt. */
struct run {
	bool at_once, delayed;
};

static struct tx_descriptor *descriptor(const struct e1000 *e, uint32_t index)
{
	return (struct tx_descriptor *)e->tx.ring.descriptors + index;
}

/* Add one descriptor's piece; false if it makes no sense. */
static bool add_piece(struct e1000 *e, const struct tx_descriptor *d, bool first)
{
	struct e1000_packet *p = &e->tx.packet;
	bool extended = d->lower & TXD_DEXT;
	uint32_t bytes = d->lower & (extended ? TXD_LENGTH : TXD_LENGTH_LEGACY);
	void *piece = guest_ptr(e->memory, d->address, bytes);

	if (extended && (d->lower & TXD_DTYP) != TXD_DTYP_DATA)
		return false;
	if (first) {
		p->extended = extended;
		p->segment = extended && (d->lower & TXD_TSE);
		p->options = extended ? d->upper : 0;
	}
	p->lower = d->lower;
	p->upper = d->upper;
	if (!bytes)
		return true;
	if (!piece || p->iovs == E1000_IOVS_MAX)
		return false;
	p->iov[p->iovs++] = (struct iovec){piece, bytes};
	p->bytes += bytes;
	return p->bytes <= (p->segment ? GSO_BYTES_MAX : E1000_FRAME_MAX);
}

/* Gather the frame at the ring's head, or take in the context there. */
static enum gathered gather(struct e1000 *e, uint32_t available, uint32_t *used)
{
	struct e1000_tx *tx = &e->tx;
	uint32_t index = tx->ring.head;
	bool sense = true;

	tx->packet.iovs = 0;
	tx->packet.bytes = 0;
	for (*used = 1; *used <= available; ++*used, index = ring_next(&tx->ring, index)) {
		struct tx_descriptor d = *(volatile struct tx_descriptor *)descriptor(e, index);
		bool context = (d.lower & (TXD_DEXT | TXD_DTYP)) == TXD_DEXT;

		if (context && *used == 1) {
			context_parse((d.lower & TXD_TSE) ? &tx->segmented : &tx->plain, &d);
			return CONTEXT;
		}
		/* Once it makes no sense, only its end matters. */
		sense = sense && !context && add_piece(e, &d, *used == 1);
		if (!context && (d.lower & TXD_EOP))
			return sense && tx->packet.bytes >= ETH_HLEN ? FRAME : NONSENSE;
	}
	*used = available;
	/* A frame that fills the ring never ends. */
	return available == tx->ring.size - 1 ? NONSENSE : UNFINISHED;
}

static void count_sent(struct e1000 *e, const uint8_t *address)
{
	struct e1000_tx *tx = &e->tx;
	const struct e1000_packet *p = &tx->packet;
	size_t wire = p->bytes + p->head_bytes - p->replaced + E1000_FCS, mss;
	unsigned int whole;

	limits_charge(&e->limits, LIMIT_OUT, wire - E1000_FCS);
	counter_add(&tx->frames, 1);
	counter_add(&tx->bytes, wire - E1000_FCS);
	if (p->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		counter_add(&tx->checksums, 1);
	if (!p->header.gso_type) {
		statistics_sent(&e->statistics, address, wire, 1);
		return;
	}
	mss = p->header.gso_size;
	whole = (unsigned int)((wire - E1000_FCS - p->header.hdr_len - 1) / mss);
	counter_add(&tx->segmented_frames, 1);
	counter_add(&e->statistics.count[STAT_TSCTC], 1);
	statistics_sent(&e->statistics, address, p->header.hdr_len + mss + E1000_FCS, whole);
	statistics_sent(&e->statistics, address, wire - whole * mss, 1);
}

/* Write the frame to the tap. False if that takes none now. */
static bool write_frame(struct e1000 *e)
{
	static uint8_t zeros[ETH_ZLEN];
	struct e1000_tx *tx = &e->tx;
	struct e1000_packet *p = &tx->packet;
	struct iovec iov[E1000_IOVS_MAX + 3] = {{&p->header, sizeof(p->header)}};
	size_t bytes = p->bytes + p->head_bytes - p->replaced;
	unsigned int n = 1;
	uint8_t address[ETH_ALEN];

	if (p->head_bytes)
		iov[n++] = (struct iovec){p->head, p->head_bytes};
	n += iov_slice(p->iov, p->iovs, p->replaced, p->bytes - p->replaced, iov + n);
	if (bytes < ETH_ZLEN && (e->reg[REG_TCTL / 4] & TCTL_PSP))
		iov[n++] = (struct iovec){zeros, ETH_ZLEN - bytes};
	struct trace_frame frame = {
		.iov = iov,
		.iovcnt = (int)n,
		.skip = E1000_HEADER,
		.bytes = bytes,
		.index = (uint16_t)tx->ring.head,
	};
	trace_tx_pop(e->trace, tx->lane, &frame);
	iov_copy_from(p->iov, p->iovs, 0, address, sizeof(address));
	if (writev(e->fd, iov, (int)n) >= 0)
		count_sent(e, address);
	else if (errno == EAGAIN || errno == EINTR)
		return false;
	else
		/* The interface is down, or the descriptors make no sense to the host: a wire
		 * would lose it too. */
		counter_add(&tx->dropped, 1);
	return true;
}

/* Send the gathered frame. False if the tap takes none now. */
static bool send_frame(struct e1000 *e)
{
	struct e1000_tx *tx = &e->tx;
	struct e1000_packet *p = &tx->packet;
	bool tag = (p->lower & TXD_VLE) && (e->reg[REG_CTRL / 4] & CTRL_VME);

	if (!offload_prepare(p, p->segment ? &tx->segmented : &tx->plain, tag,
			     (uint16_t)e->reg[REG_VET / 4])) {
		counter_add(&tx->bad_descriptors, 1);
		return true;
	}
	if (!write_frame(e)) {
		counter_add(&tx->blocks, 1);
		return false;
	}
	if (tag)
		counter_add(&tx->tagged, 1);
	return true;
}

/* So many descriptors are done: say so in those that want it. */
static void complete(struct e1000 *e, uint32_t count, struct run *r)
{
	struct e1000_tx *tx = &e->tx;

	counter_add(&tx->descriptors, count);
	for (; count; count--) {
		struct tx_descriptor *d = descriptor(e, tx->ring.head);
		uint32_t lower = __atomic_load_n(&d->lower, __ATOMIC_RELAXED);

		if (lower & TXD_RS) {
			__atomic_store_n((uint8_t *)&d->upper, TXD_DD, __ATOMIC_RELEASE);
			*((lower & TXD_IDE) ? &r->delayed : &r->at_once) = true;
		}
		tx->ring.head = ring_next(&tx->ring, tx->ring.head);
	}
}

/* Send what there is at the ring's head; false if there is nothing that could go now. */
static bool step(struct e1000 *e, struct run *r)
{
	struct e1000_tx *tx = &e->tx;
	uint32_t available = ring_available(&tx->ring), used;

	if (!available || !(e->reg[REG_TCTL / 4] & TCTL_EN))
		return false;
	switch (gather(e, available, &used)) {
	case UNFINISHED:
		return false;
	case NONSENSE:
		counter_add(&tx->bad_descriptors, 1);
		break;
	case FRAME:
		if (limits_wait(&e->limits, LIMIT_OUT, tx->packet.bytes))
			return false;
		if (send_frame(e))
			break;
		__atomic_store_n(&tx->blocked, true, __ATOMIC_SEQ_CST);
		e1000_ring_bell(e);
		return false;
	case CONTEXT:
		break;
	}
	complete(e, used, r);
	return true;
}

void tx_run(struct e1000 *e)
{
	struct e1000_tx *tx = &e->tx;
	struct run r = {0};
	uint32_t steps;

	pthread_mutex_lock(&e->tx_lock);
	/* No longer than the ring is: others may fill it as fast as we empty it. */
	for (steps = tx->ring.size; steps && step(e, &r); steps--)
		;
	if (r.at_once)
		irq_raise(e, INT_TXDW | INT_TXQE);
	else if (r.delayed)
		irq_event(e, &e->irq.tx, INT_TXQE);
	pthread_mutex_unlock(&e->tx_lock);
}
