/*
 * vhost: a virtio device's rings worked by somebody else, the host's kernel
 * (Documentation of linux/vhost.h) or another process (QEMU's docs/interop/vhost-user.rst).
 * Both speak of features, memory, rings and descriptors in the same words; here is what they
 * have in common: how a ring is handed over, and how it comes back.
 *
 * The guest's driver kicks the other side without us, and the other side interrupts the guest
 * without us, if it uses MSI-X; else its signals come through our loop, as INTx.
 *
 * Threading: on the device's loop, but for init and destroy.
 */
#ifndef STRATA_VMM_VIRTIO_VHOST_H
#define STRATA_VMM_VIRTIO_VHOST_H

#include <linux/vhost_types.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio/virtio.h"

struct vhost;

/* What the other side can be told and asked; rings by their number there. -1 with a sentence.
 */
struct vhost_ops {
	int (*set_features)(struct vhost *v, uint64_t features);
	int (*set_memory)(struct vhost *v, const struct guest_memory *m);
	int (*set_size)(struct vhost *v, const struct vhost_vring_state *s);
	int (*set_base)(struct vhost *v, const struct vhost_vring_state *s);
	int (*get_base)(struct vhost *v, struct vhost_vring_state *s); /* of a ring not run */
	int (*set_addresses)(struct vhost *v, const struct vhost_vring_addr *a);
	int (*set_kick)(struct vhost *v, const struct vhost_vring_file *f);
	int (*set_call)(struct vhost *v, const struct vhost_vring_file *f);
	int (*set_error)(struct vhost *v, const struct vhost_vring_file *f);
	int (*run)(struct vhost *v, unsigned int ring, bool on);
};

/* One other side. */
struct vhost {
	const struct vhost_ops *ops;
	uint64_t features; /* what it knows */
};

/* A queue of the device, and the ring it is to the other side. */
struct vhost_ring {
	struct vhost *vhost;
	struct virtio_device *device;
	unsigned int queue, ring;
	bool started;
	int call_fd, error_fd;
	bool relayed; /* signals come through our loop */
	struct loop_source call, error;
};

/* Features of rings, which whoever works them must know; all others are the device's own. */
#define VHOST_RING_FEATURES                                                      \
	(1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
	 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_RING_RESET)

int vhost_ring_init(struct vhost_ring *r, struct vhost *v, unsigned int ring,
		    struct virtio_device *d, unsigned int queue);
void vhost_ring_destroy(struct vhost_ring *r);

/* Tell it what the driver accepted, as far as it concerns it, and where the memory is. */
int vhost_start(struct vhost *v, const struct virtio_device *d);

/* Hand a ring over, from where it is; what lies in it has to wait until it may run. -1 with a
 * sentence, and it is ours still. No-op if it was handed over before. */
int vhost_ring_start(struct vhost_ring *r);

/* Let the ring run, or rest. No-op if it is not handed over. -1 with a sentence. */
int vhost_ring_run(struct vhost_ring *r, bool run);

/* Take it back: its state says where to go on. No-op if it is ours. */
void vhost_ring_stop(struct vhost_ring *r);

/* The same if the other side cannot be asked any more: what it had not given back yet is for
 * the next one. */
void vhost_ring_lost(struct vhost_ring *r);

/* The driver chose another interrupt. No-op if it is ours; -1 with a sentence. */
int vhost_ring_reroute(struct vhost_ring *r);

#endif
