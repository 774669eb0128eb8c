/*
 * The VFIO container of a machine: the IOMMU's page table, in which all of the guest's memory
 * is where the guest believes it to be, and the IOMMU groups that live by it. There is one for
 * all devices of a machine.
 *
 * Threading: main thread.
 */
#ifndef STRATA_VMM_VFIO_CONTAINER_H
#define STRATA_VMM_VFIO_CONTAINER_H

#include "vmm/vfio/host.h"

#define VFIO_GROUPS_MAX 32

struct machine;

struct vfio_group {
	int number;
	int fd; /* -1: this place is free */
	unsigned int devices;
};

struct vfio_container {
	int fd;
	int kvm; /* KVM's own record of the groups; -1: it keeps none */
	unsigned int devices;
	unsigned int mapped; /* regions of guest memory */
	struct vfio_group group[VFIO_GROUPS_MAX];
};

/* Open the device, its group and the container as far as need be. Returns the device's
 * descriptor, -1 with a sentence. */
int vfio_container_join(struct machine *m, const struct vfio_host *h);

/* The opposite, when the device's descriptor is closed. */
void vfio_container_leave(struct machine *m, const struct vfio_host *h);

/* The group of that number, or NULL. */
const struct vfio_group *vfio_container_group(const struct vfio_container *c, int number);

#endif
