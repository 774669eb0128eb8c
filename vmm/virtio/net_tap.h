/*
 * virtio-net whose frames the VMM itself moves, between a tap and the guest's memory; private
 * to net_tap.c (the card's life, options and status), net_rx.c and net_tx.c (the data path).
 *
 * No frame is copied by us: readv() straight into the guest's receive buffers, writev()
 * straight from its transmit buffers.
 */
#ifndef STRATA_VMM_VIRTIO_NET_TAP_H
#define STRATA_VMM_VIRTIO_NET_TAP_H

#include "vmm/coalesce.h"
#include "vmm/limit.h"
#include "vmm/trace.h"
#include "vmm/virtio/net.h"

#define NET_FRAME_MAX     (NET_HEADER_BYTES + 65550) /* with segmentation offload, 5.1.6.3.1 */
#define NET_WINDOW_IOVS   1023                       /* one less than readv() takes */
#define NET_WINDOW_CHAINS (2 * VIRTQUEUE_SIZE_MAX)

/*
 * Receive buffers popped in advance: how long a frame is, is known only when it has been read.
 * A frame too long for them ends in the overflow, and is held until the guest adds buffers.
 */
struct net_window {
	struct iovec iov[NET_WINDOW_IOVS + 1]; /* the live ones, then room for the overflow */
	unsigned int iov_first, iov_end;
	struct {
		uint16_t head;
		uint16_t iovs;
		size_t bytes;
	} chain[NET_WINDOW_CHAINS];
	unsigned int chain_first, chain_end;
	size_t bytes;         /* in the live buffers */
	size_t held;          /* length of the frame that waits for buffers, or 0 */
	size_t held_overflow; /* how much of it is in the overflow */
	uint8_t overflow[NET_FRAME_MAX];
};

/* Sent frames that are back in the used ring, and no interrupt says so yet: net_sent.c. */
struct net_sent {
	struct gap gap;          /* between turns with frames to send */
	struct loop_timer timer; /* when we stop waiting for the driver to come by itself */
	struct rest rest;        /* turns that are signalled at once */

	/* counters: interrupts that the driver did not need in the end, that it did */
	uint64_t spared, waited;
};

/* A receive queue (virtqueue 2i), a transmit queue (2i + 1), and their queue of the tap. */
struct net_pair {
	struct net_tap *net;
	unsigned int index;
	int fd;
	struct loop_source tap;
	uint32_t polled;          /* what the loop watches the tap for, EPOLL bits */
	unsigned int single;      /* turns that end with their first frame */
	bool starved;             /* no receive buffers: the tap is not read until a kick */
	bool limited[LIMIT_WAYS]; /* out of tokens: until resumed */
	struct net_window window;
	struct virtqueue_chain chain; /* the one being worked on */
	struct net_sent sent;

	/* counters */
	uint64_t rx_frames, rx_bytes, rx_starved, rx_dropped;
	uint64_t tx_frames, tx_bytes, tx_dropped, tx_blocked;
};

struct net_tap {
	struct virtio_net card;
	struct trace *trace;
	int lane; /* of the trace ring */
	bool gone;
	struct limits limits; /* of all pairs together */
	unsigned int turn;    /* the pair that is resumed first, next time */
	struct net_pair *pair;
};

/*
 * Set up the card, whose name and link are set (link.fd carry frames with virtio-net headers),
 * without putting it on a transport. Fails with a sentence.
 */
int net_tap_init(struct net_tap *t, struct loop *loop, const struct guest_memory *m,
		 struct trace *trace);
void net_tap_destroy(struct net_tap *t);

static inline struct net_tap *net_tap_of(struct virtio_net *n)
{
	return (struct net_tap *)((char *)n - offsetof(struct net_tap, card));
}

static inline struct virtio_device *net_device(struct net_pair *p)
{
	return &p->net->card.device;
}

static inline struct virtqueue *net_rx_ring(struct net_pair *p)
{
	return &net_device(p)->queue[2 * p->index].ring;
}

static inline struct virtqueue *net_tx_ring(struct net_pair *p)
{
	return &net_device(p)->queue[2 * p->index + 1].ring;
}

/* Watch the tap for these EPOLL bits more, or no more. */
void net_poll(struct net_pair *p, uint32_t events, bool on);

/* The tap cannot be read any more. */
void net_tap_lost(struct net_tap *t);

void net_rx_start(struct net_pair *p);
void net_rx_stop(struct net_pair *p);
void net_rx_kick(struct net_pair *p);
void net_rx_ready(struct net_pair *p); /* the tap has frames */

/* ---- net_sent.c ---- */

void net_sent_init(struct net_pair *p);

/* A turn begins: has the driver found by itself what was given back? */
void net_sent_begin(struct net_pair *p);

/* A frame has been sent: give its buffers back. */
void net_sent(struct net_pair *p);

/* The turn that began then is over: frames of it were sent or not. */
void net_sent_turn(struct net_pair *p, bool frames, uint64_t began_ns);

/* Signal what there is to, now. */
void net_sent_stop(struct net_pair *p);

void net_tx_start(struct net_pair *p);
void net_tx_stop(struct net_pair *p);
void net_tx_run(struct net_pair *p); /* a kick, or the tap takes frames again */

#endif
