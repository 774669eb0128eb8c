/* Containers and groups: see container.h. The IOMMU interface is type 1, version 2. */
#include "vmm/vfio/container.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/kvm.h"
#include "vmm/machine.h"
#include "vmm/vfio/sys.h"

static int open_error(const char *path, const struct vfio_host *h)
{
	switch (errno) {
	case ENOENT:
		return err_set("there is no %s: load VFIO (modprobe vfio-pci)", path);
	case EACCES:
	case EPERM:
		return err_set("no permission to open %s: run as root, or give it to your user "
			       "(chown USER %s)",
			       path, path);
	case EBUSY:
		return err_set("IOMMU group %d of %s is in use by another process: another VM "
			       "has it",
			       h->group, h->address);
	default:
		return err_errno("cannot open %s", path);
	}
}

static int open_container(struct vfio_container *c, const struct vfio_host *h)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/vfio", vfio_dev());
	c->fd = vfio_open(path);
	if (c->fd < 0)
		return open_error(path, h);
	if (vfio_ioctl(c->fd, VFIO_GET_API_VERSION, NULL) != VFIO_API_VERSION)
		return err_set("%s speaks another version of VFIO than %d", path,
			       VFIO_API_VERSION);
	if (vfio_ioctl(c->fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) != 1)
		return err_set("this host's VFIO has no IOMMU of type 1 version 2: load its "
			       "module (modprobe vfio_iommu_type1)");
	return 0;
}

/* The kernel has one error number for what needs an explanation. */
static int attach_error(const struct vfio_host *h)
{
	if (errno == EPERM)
		return err_set(
			"the IOMMU of %s cannot remap interrupts, so that a guest could raise "
			"any of the host's; switch that on in the firmware, or, if you trust "
			"the guest: echo 1 > "
			"/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
			h->address);
	return err_errno("IOMMU group %d of %s cannot be attached", h->group, h->address);
}

static int map_error(const struct machine *m)
{
	struct rlimit limit = {0};

	if (errno != ENOMEM)
		return err_errno("the IOMMU cannot map the guest's memory");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	return err_set(
		"a device's DMA needs all %llu MiB of the guest's memory locked, and the limit "
		"of locked memory is %llu KiB, or the host's memory is full: raise the limit "
		"(ulimit -l unlimited as root; LimitMEMLOCK=infinity in a service), or give "
		"the guest less with --memory",
		(unsigned long long)(m->memory.bytes >> 20),
		(unsigned long long)(limit.rlim_cur >> 10));
}

/* A device's addresses are the guest's. */
static int map_memory(struct machine *m, struct vfio_container *c)
{
	for (int i = 0; i < m->memory.regions; i++) {
		const struct guest_region *r = &m->memory.region[i];
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)r->host,
			.iova = r->start,
			.size = r->bytes,
		};

		if (vfio_ioctl(c->fd, VFIO_IOMMU_MAP_DMA, &map))
			return map_error(m);
		c->mapped++;
	}
	return 0;
}

static void unmap_memory(struct machine *m, struct vfio_container *c)
{
	while (c->mapped > 0) {
		const struct guest_region *r = &m->memory.region[--c->mapped];
		struct vfio_iommu_type1_dma_unmap unmap = {
			.argsz = sizeof(unmap),
			.iova = r->start,
			.size = r->bytes,
		};

		vfio_ioctl(c->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	}
}

static struct vfio_group *find_group(struct vfio_container *c, int number)
{
	for (int i = 0; i < VFIO_GROUPS_MAX; i++)
		if (c->group[i].fd >= 0 && c->group[i].number == number)
			return &c->group[i];
	return NULL;
}

const struct vfio_group *vfio_container_group(const struct vfio_container *c, int number)
{
	return find_group((struct vfio_container *)c, number);
}

static struct vfio_group *free_group(struct vfio_container *c)
{
	for (int i = 0; i < VFIO_GROUPS_MAX; i++)
		if (c->group[i].fd < 0)
			return &c->group[i];
	err_set("devices of more than %d IOMMU groups", VFIO_GROUPS_MAX);
	return NULL;
}

static int open_group(struct vfio_group *g, const struct vfio_host *h)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[64];

	snprintf(path, sizeof(path), "%s/%d", vfio_dev(), h->group);
	g->fd = vfio_open(path);
	if (g->fd < 0)
		return open_error(path, h);
	g->number = h->group;
	if (vfio_ioctl(g->fd, VFIO_GROUP_GET_STATUS, &status))
		return err_errno("%s: cannot ask for its status", path);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return vfio_host_group_error(h);
	return 0;
}

/* The first group brings the IOMMU, and with it the place for the guest's memory. */
static int attach_group(struct machine *m, struct vfio_container *c, struct vfio_group *g,
			const struct vfio_host *h)
{
	if (vfio_ioctl(g->fd, VFIO_GROUP_SET_CONTAINER, &c->fd))
		return attach_error(h);
	if (c->mapped == 0) {
		if (vfio_ioctl(c->fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU))
			return attach_error(h);
		if (map_memory(m, c))
			return -1;
	}
	if (c->kvm >= 0)
		kvm_vfio_group(c->kvm, g->fd, true);
	return 0;
}

static struct vfio_container *make_container(struct machine *m)
{
	struct vfio_container *c = malloc(sizeof(*c));

	if (!c) {
		err_errno("cannot make a VFIO container");
		return NULL;
	}
	*c = (struct vfio_container){.fd = -1, .kvm = kvm_vfio_device(m)};
	for (int i = 0; i < VFIO_GROUPS_MAX; i++)
		c->group[i].fd = -1;
	return c;
}

static void drop_group(struct vfio_container *c, struct vfio_group *g)
{
	if (c->kvm >= 0)
		kvm_vfio_group(c->kvm, g->fd, false);
	vfio_close(g->fd);
	g->fd = -1;
}

static void drop_container(struct machine *m)
{
	struct vfio_container *c = m->vfio;

	if (c->kvm >= 0)
		close(c->kvm);
	if (c->fd >= 0)
		vfio_close(c->fd);
	free(c);
	m->vfio = NULL;
}

static int join(struct machine *m, struct vfio_container *c, const struct vfio_host *h)
{
	struct vfio_group *g = find_group(c, h->group);
	int fd = -1;

	if (!g) {
		g = free_group(c);
		if (!g)
			return -1;
		if (open_group(g, h) || attach_group(m, c, g, h))
			goto fail;
	}
	fd = vfio_ioctl(g->fd, VFIO_GROUP_GET_DEVICE_FD, (void *)h->address);
	if (fd >= 0) {
		g->devices++;
		c->devices++;
		return fd;
	}
	err_errno("VFIO does not hand out %s", h->address);
fail:
	if (c->devices == 0)
		unmap_memory(m, c);
	if (g->devices == 0 && g->fd >= 0)
		drop_group(c, g);
	return -1;
}

int vfio_container_join(struct machine *m, const struct vfio_host *h)
{
	int fd = -1;

	if (!m->vfio)
		m->vfio = make_container(m);
	if (!m->vfio)
		return -1;
	if (m->vfio->fd >= 0 || !open_container(m->vfio, h))
		fd = join(m, m->vfio, h);
	if (m->vfio->devices == 0)
		drop_container(m);
	return fd;
}

void vfio_container_leave(struct machine *m, const struct vfio_host *h)
{
	struct vfio_container *c = m->vfio;
	struct vfio_group *g = find_group(c, h->group);

	if (--c->devices == 0)
		unmap_memory(m, c);
	if (--g->devices == 0)
		drop_group(c, g);
	if (c->devices == 0)
		drop_container(m);
}
