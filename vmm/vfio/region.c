/*
 * BARs: as much of each as the kernel allows is mapped and becomes the guest's memory; the
 * rest, and the pages with the MSI-X table, which is emulated, is trapped and goes through the
 * device's file.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/vfio/device.h"
#include "vmm/vfio/sys.h"

#define PAGE 4096ULL

struct span {
	uint64_t start, end;
};

void vfio_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* The kernel says how much room it wants for capabilities, and is asked again. */
static struct vfio_region_info *ask(const struct vfio_device *v, unsigned int index)
{
	struct vfio_region_info *info = NULL, *larger;
	uint32_t bytes = sizeof(*info);

	for (int i = 0; i < 2; i++) {
		larger = realloc(info, bytes);
		if (!larger)
			break;
		info = larger;
		memset(info, 0, bytes);
		info->argsz = bytes;
		info->index = index;
		if (vfio_ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, info))
			break;
		if (info->argsz <= bytes) {
			info->argsz = bytes;
			return info;
		}
		bytes = info->argsz;
	}
	err_errno("%s: cannot ask for its region %u", v->host.address, index);
	free(info);
	return NULL;
}

int vfio_region(struct vfio_device *v, unsigned int index, struct vfio_region *r,
		struct vfio_region_info **info)
{
	struct vfio_region_info *i = ask(v, index);

	if (!i)
		return -1;
	*r = (struct vfio_region){.bytes = i->size, .offset = i->offset};
	if (info)
		*info = i;
	else
		free(i);
	return 0;
}

static unsigned int bar_of(const struct vfio_device *v, const struct bus_range *r)
{
	return (unsigned int)(r - v->pci.range);
}

static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct vfio_device *v = ((struct pci_device *)r->owner)->owner;
	unsigned int bar = bar_of(v, r);
	uint64_t value = 0;

	if (pci_msix_read(&v->pci, bar, offset, size, &value))
		return value;
	if (vfio_pread(v->fd, &value, size, v->bar[bar].offset + offset) == size)
		return value;
	vfio_count(&v->failed);
	return UINT64_MAX;
}

static void bar_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct vfio_device *v = ((struct pci_device *)r->owner)->owner;
	unsigned int bar = bar_of(v, r);

	if (pci_msix_write(&v->pci, bar, offset, value, size)) {
		if (bar == v->msix.table_bar && offset >= v->msix.table)
			vfio_irqs_vector_written(v, (unsigned int)((offset - v->msix.table) /
								   PCI_MSIX_ENTRY_SIZE));
		return;
	}
	if (vfio_pwrite(v->fd, &value, size, v->bar[bar].offset + offset) != size)
		vfio_count(&v->failed);
}

static void map_span(struct vfio_device *v, unsigned int bar, struct span s)
{
	struct pci_bar *b = &v->pci.bar[bar];
	void *p;

	/* Whole pages only; there may be nothing left. What cannot be mapped is trapped. */
	s.start = (s.start + PAGE - 1) & ~(PAGE - 1);
	s.end = (s.end < b->bytes ? s.end : b->bytes) & ~(PAGE - 1);
	if (s.start >= s.end || b->map_count == VFIO_MAPS_MAX)
		return;
	p = vfio_map(v->fd, s.end - s.start, v->bar[bar].offset + s.start);
	if (p)
		v->map[bar][b->map_count++] = (struct pci_bar_map){
			.offset = s.start, .bytes = s.end - s.start, .host = p};
}

/* Where the guest must not look at what is really there: whole pages. */
static unsigned int find_holes(const struct vfio_device *v, unsigned int bar,
			       struct span hole[2])
{
	const struct pci_msix_layout *l = &v->msix;
	struct span table = {l->table, l->table + v->msix_vectors * PCI_MSIX_ENTRY_SIZE};
	struct span pending = {l->pending, l->pending + (v->msix_vectors + 63) / 64 * 8};
	unsigned int n = 0;

	if (v->msix_vectors && bar == l->table_bar)
		hole[n++] = table;
	if (v->msix_vectors && bar == l->pending_bar)
		hole[n++] = pending;
	for (unsigned int i = 0; i < n; i++) {
		hole[i].start &= ~(PAGE - 1);
		hole[i].end = (hole[i].end + PAGE - 1) & ~(PAGE - 1);
	}
	if (n == 2 && hole[0].start > hole[1].start) {
		struct span first = hole[1];

		hole[1] = hole[0];
		hole[0] = first;
	}
	return n;
}

static void map_around_holes(struct vfio_device *v, unsigned int bar, struct span s)
{
	struct span hole[2];
	unsigned int n = find_holes(v, bar, hole);

	for (unsigned int i = 0; i < n; i++) {
		struct span before = {s.start, hole[i].start < s.end ? hole[i].start : s.end};

		map_span(v, bar, before);
		if (hole[i].end > s.start)
			s.start = hole[i].end;
	}
	map_span(v, bar, s);
}

static const struct vfio_region_info_cap_sparse_mmap *
sparse_areas(const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap *s;
	const struct vfio_info_cap_header *h;
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	for (int i = 0; i < 16 && at && at + sizeof(*h) <= info->argsz; i++, at = h->next) {
		h = (const void *)((const uint8_t *)info + at);
		s = (const void *)h;
		if (h->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP &&
		    at + sizeof(*s) <= info->argsz &&
		    s->nr_areas <= (info->argsz - at - sizeof(*s)) / sizeof(s->areas[0]))
			return s;
	}
	return NULL;
}

static void map_bar(struct vfio_device *v, unsigned int bar,
		    const struct vfio_region_info *info)
{
	const struct vfio_region_info_cap_sparse_mmap *s = sparse_areas(info);

	v->pci.bar[bar].maps = v->map[bar];
	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	for (uint32_t i = 0; s && i < s->nr_areas; i++)
		map_around_holes(v, bar,
				 (struct span){s->areas[i].offset,
					       s->areas[i].offset + s->areas[i].size});
	if (!s)
		map_around_holes(v, bar, (struct span){0, info->size});
}

static int check_msix(const struct vfio_device *v)
{
	const struct pci_msix_layout *l = &v->msix;

	if (v->msix_vectors &&
	    (l->table + v->msix_vectors * PCI_MSIX_ENTRY_SIZE > v->bar[l->table_bar].bytes ||
	     l->pending >= v->bar[l->pending_bar].bytes))
		return err_set("%s: its MSI-X table lies outside its BARs", v->host.address);
	return 0;
}

int vfio_bars_open(struct vfio_device *v)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct vfio_region_info *info;
		struct pci_bar *b = &v->pci.bar[i];

		if (vfio_region(v, VFIO_PCI_BAR0_REGION_INDEX + i, &v->bar[i], &info))
			return -1;
		b->bytes = v->bar[i].bytes;
		b->read = bar_read;
		b->write = bar_write;
		if (b->bytes == 0)
			b->kind = PCI_BAR_NONE;
		else
			map_bar(v, i, info);
		free(info);
	}
	return check_msix(v);
}

void vfio_bars_close(struct vfio_device *v)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct pci_bar *b = &v->pci.bar[i];

		while (b->map_count > 0) {
			b->map_count--;
			vfio_unmap(v->map[i][b->map_count].host, v->map[i][b->map_count].bytes);
		}
	}
}
