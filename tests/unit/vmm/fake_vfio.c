/* A kernel that pretends to have VFIO: see fake_vfio.h. */
#include "tests/unit/vmm/fake_vfio.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/vfio/sys.h"

/* Where each region is in the device's file. */
#define REGION_OFFSET(index) ((uint64_t)(index) << 40)

struct fake_vfio fake_vfio;
static char root[64];

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fake VFIO: %s\n", what);
	abort();
}

static int fails(int error)
{
	errno = error;
	return -1;
}

static void put(unsigned int at, unsigned int bytes, uint32_t value)
{
	memcpy(fake_vfio.config + at, &value, bytes);
}

void fake_vfio_reset(void)
{
	struct fake_vfio *f = &fake_vfio;

	memset(f, 0, sizeof(*f));
	f->index = -1;
	f->unmask_fd = -1;
	f->resets = true;
	f->bar_bytes[0] = FAKE_BAR_BYTES;
	f->bar_mappable[0] = true;
	f->bar_bytes[2] = 32;
	f->irqs[0] = f->irqs[1] = 1;
	f->irqs[2] = 5;
	put(PCI_VENDOR_ID, 4, 0x10d38086);
	put(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	put(PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	put(PCI_CLASS_REVISION, 4, 0x02000003);
	put(PCI_BASE_ADDRESS_0, 4, 0xfea00000);
	put(PCI_BASE_ADDRESS_2, 4, 0xc001);
	put(PCI_INTERRUPT_PIN, 1, 1);
	put(PCI_CAPABILITY_LIST, 1, 0x40);
	put(0x40, 4, PCI_CAP_ID_PM | 0x50 << 8);
	put(0x50, 4, PCI_CAP_ID_MSI | 0x60 << 8 | PCI_MSI_FLAGS_64BIT << 16);
	put(0x60, 4, PCI_CAP_ID_MSIX | 0x70 << 8 | 4 << 16);
	put(0x64, 4, 0x8000 | 0);
	put(0x68, 4, 0x9000 | 0);
	put(0x70, 4, PCI_CAP_ID_EXP | 0xb0 << 8 | 0x0002 << 16);
	put(0x74, 4, 0x10008fc0);
	put(0x7c, 4, 0x00036c11); /* link capabilities */
	put(0xb0, 4, PCI_CAP_ID_VNDR | 8 << 16);
	put(0xb4, 4, 0x12345678);
}

const char *vfio_sysfs(void)
{
	return root;
}

const char *vfio_dev(void)
{
	return "/fake";
}

int vfio_open(const char *path)
{
	bool container = !strcmp(path, "/fake/vfio");
	int error = container ? fake_vfio.open_container_error : fake_vfio.open_group_error;

	if (error)
		return fails(error);
	fake_vfio.open_fds++;
	return container ? FAKE_CONTAINER_FD : FAKE_GROUP_FD;
}

void vfio_close(int fd)
{
	require(fd >= FAKE_CONTAINER_FD && fd <= FAKE_DEVICE_FD,
		"a descriptor that is not ours");
	require(fake_vfio.open_fds-- > 0, "more closed than opened");
	if (fd == FAKE_DEVICE_FD)
		require(fake_vfio.index < 0, "the device is closed with interrupts on");
}

static int map_dma(const struct vfio_iommu_type1_dma_map *m)
{
	int i = 0;

	if (fake_vfio.map_error)
		return fails(fake_vfio.map_error);
	while (fake_vfio.mapped[i].bytes)
		i++;
	fake_vfio.mapped[i].gpa = m->iova;
	fake_vfio.mapped[i].bytes = m->size;
	fake_vfio.mapped[i].host = m->vaddr;
	return 0;
}

static int unmap_dma(const struct vfio_iommu_type1_dma_unmap *u)
{
	for (int i = 0; i < 4; i++) {
		if (fake_vfio.mapped[i].gpa != u->iova || fake_vfio.mapped[i].bytes != u->size)
			continue;
		fake_vfio.mapped[i].bytes = 0;
		return 0;
	}
	require(false, "memory unmapped that is not mapped");
	return -1;
}

static int region_info(struct vfio_region_info *i)
{
	struct vfio_region_info_cap_sparse_mmap *s = (void *)(i + 1);
	uint32_t areas = 0, needs;

	i->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	i->offset = REGION_OFFSET(i->index);
	if (i->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		i->size = 256;
		return 0;
	}
	require(i->index < 6, "a region that is neither BAR nor configuration space");
	i->size = fake_vfio.bar_bytes[i->index];
	if (fake_vfio.bar_mappable[i->index])
		i->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	while (i->index == 0 && areas < 4 && fake_vfio.sparse[areas].bytes)
		areas++;
	if (!areas)
		return 0;
	needs = (uint32_t)(sizeof(*i) + sizeof(*s) + areas * sizeof(s->areas[0]));
	i->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (i->argsz < needs) {
		i->argsz = needs;
		return 0;
	}
	i->cap_offset = sizeof(*i);
	s->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	s->nr_areas = areas;
	for (uint32_t k = 0; k < areas; k++) {
		s->areas[k].offset = fake_vfio.sparse[k].offset;
		s->areas[k].size = fake_vfio.sparse[k].bytes;
	}
	return 0;
}

static int irq_info(struct vfio_irq_info *i)
{
	require(i->index < 3, "an interrupt of no kind known");
	i->count = fake_vfio.irqs[i->index];
	i->flags = VFIO_IRQ_INFO_EVENTFD;
	return 0;
}

static void irqs_off(void)
{
	fake_vfio.index = -1;
	fake_vfio.count = 0;
	fake_vfio.unmask_fd = -1;
	for (int i = 0; i < FAKE_VECTORS; i++)
		fake_vfio.fd[i] = -1;
}

static int set_irqs(const struct vfio_irq_set *s)
{
	struct fake_vfio *f = &fake_vfio;
	const int32_t *fds = (const void *)s->data;

	require(s->index < 3 && s->start + s->count <= f->irqs[s->index], "no such vectors");
	require(s->start + s->count <= FAKE_VECTORS, "more vectors than the fake has");
	if (!s->count) {
		require(f->index == (int)s->index, "interrupts turned off that are not on");
		irqs_off();
		return 0;
	}
	if (s->flags & VFIO_IRQ_SET_ACTION_UNMASK) {
		require(f->index == 0 && s->index == 0, "unmasking what is not INTx");
		f->unmask_fd = fds[0];
		return 0;
	}
	require(f->index < 0 || f->index == (int)s->index, "two kinds of interrupt at once");
	if (f->index < 0) {
		if (f->vectors_left && s->count > f->vectors_left)
			return (int)f->vectors_left;
		irqs_off();
		f->index = (int)s->index;
		f->count = s->start + s->count;
	}
	require(s->start + s->count <= f->count, "a vector that was not set up");
	for (uint32_t i = 0; i < s->count; i++)
		f->fd[s->start + i] = fds[i];
	return 0;
}

static int hot_reset_info(struct vfio_pci_hot_reset_info *i)
{
	if (!fake_vfio.hot_resets)
		return fails(ENODEV);
	i->count = 1;
	i->devices[0].group_id = FAKE_GROUP;
	return 0;
}

static int hot_reset(const struct vfio_pci_hot_reset *r)
{
	require(r->count == 1 && r->group_fds[0] == FAKE_GROUP_FD, "groups that it is not");
	fake_vfio.hot_resets_done++;
	return 0;
}

static int device_info(struct vfio_device_info *i)
{
	i->flags = VFIO_DEVICE_FLAGS_PCI | (fake_vfio.resets ? VFIO_DEVICE_FLAGS_RESET : 0);
	i->num_regions = VFIO_PCI_NUM_REGIONS;
	i->num_irqs = VFIO_PCI_NUM_IRQS;
	return 0;
}

static int group_status(struct vfio_group_status *s)
{
	s->flags = fake_vfio.not_viable ? 0 : VFIO_GROUP_FLAGS_VIABLE;
	return 0;
}

static int device_fd(void)
{
	if (fake_vfio.device_error)
		return fails(fake_vfio.device_error);
	fake_vfio.open_fds++;
	return FAKE_DEVICE_FD;
}

static int answer(int error)
{
	return error ? fails(error) : 0;
}

static int container_ioctl(unsigned long request, void *argument)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return argument == (void *)VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		return answer(fake_vfio.set_iommu_error);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(argument);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(argument);
	}
	require(false, "an ioctl that a container does not know");
	return -1;
}

static int group_ioctl(unsigned long request, void *argument)
{
	switch (request) {
	case VFIO_GROUP_SET_CONTAINER:
		return answer(fake_vfio.set_container_error);
	case VFIO_GROUP_GET_STATUS:
		return group_status(argument);
	case VFIO_GROUP_GET_DEVICE_FD:
		return device_fd();
	}
	require(false, "an ioctl that a group does not know");
	return -1;
}

static int device_ioctl(unsigned long request, void *argument)
{
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		return device_info(argument);
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(argument);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(argument);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(argument);
	case VFIO_DEVICE_RESET:
		fake_vfio.resets_done++;
		return 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return hot_reset_info(argument);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return hot_reset(argument);
	}
	require(false, "an ioctl that a device does not know");
	return -1;
}

int vfio_ioctl(int fd, unsigned long request, void *argument)
{
	switch (fd) {
	case FAKE_CONTAINER_FD:
		return container_ioctl(request, argument);
	case FAKE_GROUP_FD:
		return group_ioctl(request, argument);
	case FAKE_DEVICE_FD:
		return device_ioctl(request, argument);
	}
	require(false, "a descriptor that is not ours");
	return -1;
}

/* The bytes meant, which must all lie in one region. */
static uint8_t *where(int fd, size_t bytes, uint64_t offset)
{
	uint64_t index = offset >> 40, at = offset & (REGION_OFFSET(1) - 1), size;

	require(fd == FAKE_DEVICE_FD, "not the device's descriptor");
	require(index < 6 || index == VFIO_PCI_CONFIG_REGION_INDEX, "outside the regions");
	size = index < 6 ? fake_vfio.bar_bytes[index] : 256;
	require(at <= size && bytes <= size - at, "across the end of a region");
	return index < 6 ? fake_vfio.bar[index] + at : fake_vfio.config + at;
}

ssize_t vfio_pread(int fd, void *buf, size_t bytes, uint64_t offset)
{
	fake_vfio.device_reads++;
	memcpy(buf, where(fd, bytes, offset), bytes);
	return (ssize_t)bytes;
}

ssize_t vfio_pwrite(int fd, const void *buf, size_t bytes, uint64_t offset)
{
	fake_vfio.device_writes++;
	memcpy(where(fd, bytes, offset), buf, bytes);
	return (ssize_t)bytes;
}

void *vfio_map(int fd, uint64_t bytes, uint64_t offset)
{
	require(bytes && bytes % 4096 == 0 && offset % 4096 == 0, "a map of half pages");
	fake_vfio.maps++;
	return where(fd, bytes, offset);
}

void vfio_unmap(void *p, uint64_t bytes)
{
	(void)p;
	(void)bytes;
	require(fake_vfio.maps-- > 0, "more unmapped than mapped");
}

static void run(const char *fmt, const char *a, const char *b)
{
	char command[512];

	snprintf(command, sizeof(command), fmt, root, a, b);
	require(system(command) == 0, command);
}

void fake_sysfs_add(const char *address, const char *driver, uint32_t class_code, int group)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%06x", class_code);
	run("mkdir -p %1$s/bus/pci/devices/%2$s && echo %3$s >%1$s/bus/pci/devices/%2$s/class",
	    address, text);
	if (*driver)
		run("ln -s ../../drivers/%3$s %1$s/bus/pci/devices/%2$s/driver", address,
		    driver);
	if (group < 0)
		return;
	snprintf(text, sizeof(text), "%d", group);
	run("mkdir -p %1$s/kernel/iommu_groups/%3$s/devices/%2$s", address, text);
	run("ln -s ../../../kernel/iommu_groups/%3$s %1$s/bus/pci/devices/%2$s/iommu_group",
	    address, text);
}

void fake_sysfs_make(const char *driver, uint32_t class_code)
{
	strcpy(root, "/tmp/strata-test-vfio-XXXXXX");
	require(mkdtemp(root) != NULL, "no folder for a sysfs");
	fake_sysfs_add(FAKE_ADDRESS, driver, class_code, FAKE_GROUP);
}

void fake_sysfs_remove(void)
{
	run("rm -rf %1$s%2$s%3$s", "", "");
	root[0] = '\0';
}
