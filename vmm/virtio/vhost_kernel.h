/*
 * The kernel's vhost-net (linux/vhost.h): a worker thread of the kernel that moves the frames
 * of one queue pair between a tap and the guest's memory.
 */
#ifndef STRATA_VMM_VIRTIO_VHOST_KERNEL_H
#define STRATA_VMM_VIRTIO_VHOST_KERNEL_H

#include "vmm/virtio/vhost.h"

struct vhost_kernel {
	struct vhost vhost; /* ring 0 receives, ring 1 transmits */
	int fd;
	int tap_fd; /* the caller's */
	int worker; /* its thread's id; 0: not found */
};

/* Open it for a queue of a tap or macvtap. -1 with a sentence, nothing left open. */
int vhost_kernel_open(struct vhost_kernel *k, int tap_fd);
void vhost_kernel_close(struct vhost_kernel *k);

#endif
