/*
 * The virtio network device (virtio 1.2, 5.1), private to its files: net_device.c
 * (options, status), net.c (features, life), net_rx.c, net_tx.c (the data path), net_ctrl.c
 * (the control queue).
 *
 * Frames go between tap and guest memory without a copy: readv() straight into the
 * guest's receive buffers, writev() straight from its transmit buffers.
 *
 * Threading: all of it on the machine's I/O loop, but for create, destroy and status.
 */
#ifndef STRATA_VMM_VIRTIO_NET_H
#define STRATA_VMM_VIRTIO_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/loop.h"
#include "vmm/net/link.h"
#include "vmm/trace.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/pci.h"
#include "vmm/virtio/virtio.h"

#define NET_PAIRS_MAX     16
#define NET_HEADER_BYTES  sizeof(struct virtio_net_hdr_v1)
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

/* A receive queue (virtqueue 2i), a transmit queue (2i + 1), and their queue of the tap. */
struct net_pair {
	struct virtio_net *net;
	unsigned int index;
	int fd;
	struct loop_source tap;
	uint32_t polled; /* what the loop watches the tap for, EPOLL bits */
	bool starved;    /* no receive buffers: the tap is not read until a kick */
	struct net_window window;
	struct virtqueue_chain chain; /* the one being worked on */

	/* counters */
	uint64_t rx_frames, rx_bytes, rx_starved, rx_dropped;
	uint64_t tx_frames, tx_bytes, tx_dropped, tx_blocked;
};

struct virtio_net {
	struct virtio_device device;
	struct virtio_pci transport;
	struct trace *trace;
	int lane; /* of the trace ring */
	char name[32];
	struct net_link link;
	bool tap_gone;
	struct virtio_net_config config;
	unsigned int pairs;
	unsigned int active_pairs;
	struct net_pair *pair;
	uint64_t control_commands, control_refused;
};

extern const struct virtio_ops net_ops;

/*
 * Set up the device over fds, one a pair, that carry frames with virtio-net headers, without
 * putting it on a transport. Takes the fds over. Fails with a sentence.
 */
int net_init(struct virtio_net *n, const int *fds, unsigned int pairs, struct loop *loop,
	     const struct guest_memory *m, struct trace *trace);
void net_destroy(struct virtio_net *n);

static inline struct virtqueue *net_rx_ring(struct net_pair *p)
{
	return &p->net->device.queue[2 * p->index].ring;
}

static inline struct virtqueue *net_tx_ring(struct net_pair *p)
{
	return &p->net->device.queue[2 * p->index + 1].ring;
}

/* Watch the tap for these EPOLL bits more, or no more. */
void net_poll(struct net_pair *p, uint32_t events, bool on);

/* The tap cannot be read any more (it was removed): the link is down for good. */
void net_tap_gone(struct virtio_net *n);

void net_rx_start(struct net_pair *p);
void net_rx_stop(struct net_pair *p);
void net_rx_kick(struct net_pair *p);
void net_rx_ready(struct net_pair *p); /* the tap has frames */

void net_tx_start(struct net_pair *p);
void net_tx_run(struct net_pair *p); /* a kick, or the tap takes frames again */

void net_control(struct virtio_net *n, unsigned int queue);
void net_set_active_pairs(struct virtio_net *n, unsigned int pairs);

#endif
