/*
 * The split virtqueue, device side (virtio 1.2, 2.7). Pure ring arithmetic over guest
 * memory: it knows no device, no transport, no thread.
 *
 * The guest is hostile and runs while we look. Every ring index is masked, every chain
 * walk is bounded by the queue's size, every address goes through guest_ptr(), and what
 * is read from guest memory is read once. A chain that breaks the rules marks the queue
 * broken: it then hands out nothing until it is reset.
 *
 * Threading: one thread at a time (the queue's I/O thread) calls anything here.
 */
#ifndef STRATA_VMM_VIRTIO_VIRTQUEUE_H
#define STRATA_VMM_VIRTIO_VIRTQUEUE_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/memory.h"

#define VIRTQUEUE_SIZE_MAX 256

/* All that must be saved, or handed to another implementation (vhost), to go on elsewhere. */
struct virtqueue_state {
	uint16_t size;
	bool enabled;
	uint64_t descriptors_gpa, available_gpa, used_gpa;
	uint16_t next_available; /* the first entry of the available ring not yet popped */
	uint16_t next_used;      /* the next entry of the used ring to write */
};

struct virtqueue {
	struct virtqueue_state state;

	/* negotiated */
	bool event_idx; /* VIRTIO_F_RING_EVENT_IDX */
	bool indirect;  /* VIRTIO_F_RING_INDIRECT_DESC */

	/* derived from the state when the queue is mapped */
	const struct guest_memory *memory;
	struct vring_desc *descriptors;
	struct vring_avail *available;
	struct vring_used *used;

	uint16_t seen_available; /* the driver's index when last read */
	uint16_t signalled_used; /* next_used when it was last settled whether to signal */
	bool signalled_valid;
	const char *broken; /* what the driver did wrong; NULL: nothing */

	/* counters, written by the queue's thread only, read by anyone, relaxed */
	uint64_t chains;
	uint64_t signals, signals_suppressed;
};

/* A popped chain: readable buffers first, then writable ones (2.7.4.2). */
struct virtqueue_chain {
	uint16_t head; /* what the used ring must be given back */
	unsigned int readable, writable;
	size_t readable_bytes, writable_bytes;
	struct iovec iov[VIRTQUEUE_SIZE_MAX];
};

static inline const struct iovec *chain_writable(const struct virtqueue_chain *c)
{
	return c->iov + c->readable;
}

/* Forget everything but the negotiated features; size becomes the default. */
void virtqueue_reset(struct virtqueue *q, uint16_t size);

/*
 * Check the addresses that the driver programmed and find the host pointers. -1 with
 * q->broken set if they are not usable; the queue is then not enabled.
 */
int virtqueue_map(struct virtqueue *q, const struct guest_memory *m);

/* Go on where another implementation has stopped: the first available entry that it did not
 * take, and what it has put into the used ring. */
void virtqueue_resume(struct virtqueue *q, uint16_t next_available);

/* The used index as the ring has it: what another implementation has given back. */
uint16_t virtqueue_used(const struct virtqueue *q);

/*
 * Buffers that the driver has offered and whoever serves the queue has not given back, as both
 * say in guest memory; -1: the queue is not in use, or the driver talks nonsense. For any
 * thread.
 */
int virtqueue_waiting(const struct virtqueue *q);

/* Take the next chain: 1 if there was one, 0 if not, -1 if the queue is broken. */
int virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *c);

/* Is there a chain to pop? It is not judged. */
bool virtqueue_has_more(const struct virtqueue *q);

/* Give back the last n popped chains, none of them pushed: they will be popped again. */
void virtqueue_unpop(struct virtqueue *q, unsigned int n);

/* Put a chain into the used ring; the driver sees it only at virtqueue_publish(). */
void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written);

void virtqueue_publish(struct virtqueue *q);

/* After publishing: does the driver want an interrupt (2.7.7, 2.7.10)? */
bool virtqueue_wants_signal(struct virtqueue *q);

/* Chains published since then. */
static inline unsigned int virtqueue_unsettled(const struct virtqueue *q)
{
	return (uint16_t)(q->state.next_used - q->signalled_used);
}

/*
 * After publishing: so many chains has the driver to be signalled about. It may be later, if it
 * is bound to be: a driver that has found them meanwhile has moved its used_event, and then
 * there are none.
 */
unsigned int virtqueue_unsignalled(struct virtqueue *q);

/* Tell the driver that it need not kick; correct it may all the same. */
void virtqueue_kicks_off(struct virtqueue *q);

/* Ask for a kick at the next chain. True if one is there already: pop again instead of waiting.
 */
bool virtqueue_kicks_on(struct virtqueue *q);

#endif
