/*
 * Resets. A function that cannot be reset alone is reset with everything on its bus, if all of
 * that is this machine's: the kernel wants to be shown the groups.
 */
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine.h"
#include "vmm/vfio/container.h"
#include "vmm/vfio/device.h"
#include "vmm/vfio/sys.h"

#define DEPENDENTS_MAX 64

/* Descriptors of the groups that the reset would touch, each once; 0 if one is not ours. */
static unsigned int groups_of(const struct vfio_device *v, int fds[VFIO_GROUPS_MAX])
{
	const size_t bytes = sizeof(struct vfio_pci_hot_reset_info) +
			     DEPENDENTS_MAX * sizeof(struct vfio_pci_dependent_device);
	struct vfio_pci_hot_reset_info *info = calloc(1, bytes);
	unsigned int n = 0;

	if (!info)
		return 0;
	info->argsz = (uint32_t)bytes;
	if (vfio_ioctl(v->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info))
		info->count = 0;
	for (uint32_t i = 0; i < info->count && i < DEPENDENTS_MAX; i++) {
		const struct vfio_group *g =
			vfio_container_group(v->machine->vfio, (int)info->devices[i].group_id);
		unsigned int k = 0;

		if (!g) {
			n = 0;
			break;
		}
		while (k < n && fds[k] != g->fd)
			k++;
		if (k == n)
			fds[n++] = g->fd;
	}
	free(info);
	return n;
}

static int reset_bus(const struct vfio_device *v)
{
	int fds[VFIO_GROUPS_MAX];
	unsigned int n = groups_of(v, fds);
	size_t bytes = sizeof(struct vfio_pci_hot_reset) + n * sizeof(int32_t);
	struct vfio_pci_hot_reset *r = n ? calloc(1, bytes) : NULL;
	int ret;

	if (!r)
		return -1;
	r->argsz = (uint32_t)bytes;
	r->count = n;
	for (unsigned int i = 0; i < n; i++)
		r->group_fds[i] = fds[i];
	ret = vfio_ioctl(v->fd, VFIO_DEVICE_PCI_HOT_RESET, r);
	free(r);
	return ret;
}

void vfio_reset(struct vfio_device *v)
{
	if (v->resets && !vfio_ioctl(v->fd, VFIO_DEVICE_RESET, NULL))
		v->reset = "function";
	else if (!reset_bus(v))
		v->reset = "bus";
	else
		v->reset = "none";
}
