/*
 * What the host's sysfs says of a PCI function: who drives it, which IOMMU group it is in, and
 * who else is. And the sentences about what is in the way of passing it through.
 */
#ifndef STRATA_VMM_VFIO_HOST_H
#define STRATA_VMM_VFIO_HOST_H

#include <stdint.h>

#define VFIO_DRIVER_BYTES 32

struct vfio_host {
	char address[13]; /* "0000:03:00.0" */
	char driver[VFIO_DRIVER_BYTES];
	uint32_t class_code; /* base, sub, interface */
	int group;
};

/* Complete "03:00.0" or "0000:03:00.0" into address. -1 with a sentence. */
int vfio_host_address(char address[13], const char *text);

/* Look it up, and check that it is VFIO's. -1 with a sentence, with the commands that help. */
int vfio_host_find(struct vfio_host *h, const char *text);

/* After the kernel called the group not viable: says which functions of it the host's drivers
 * still have. Always -1. */
int vfio_host_group_error(const struct vfio_host *h);

/* What a class is to people: "a network card", "a mass storage controller", ... */
const char *vfio_host_class(uint32_t class_code);

#endif
