/*
 * Base address registers: sizing, moving, and what hangs on them: ranges on the buses, memory
 * slots, doorbells. PCI 3.0, 6.2.5.1: a guest sizes a BAR by writing ones and reading back
 * which bits stuck, which the writable mask gives for nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/kvm.h"
#include "vmm/pci_bus.h"

/* Memory slots: 0 and 1 are RAM, then come those of BARs. */
#define FIRST_BAR_SLOT 2

static unsigned int register_of(unsigned int bar)
{
	return PCI_BASE_ADDRESS_0 + 4 * bar;
}

static bool is_64bit(enum pci_bar_kind kind)
{
	return kind == PCI_BAR_MEM64 || kind == PCI_BAR_MEM64_PREFETCH;
}

static uint32_t type_bits(enum pci_bar_kind kind)
{
	switch (kind) {
	case PCI_BAR_IO:
		return PCI_BASE_ADDRESS_SPACE_IO;
	case PCI_BAR_MEM64:
		return PCI_BASE_ADDRESS_MEM_TYPE_64;
	case PCI_BAR_MEM64_PREFETCH:
		return PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
	default:
		return PCI_BASE_ADDRESS_MEM_TYPE_32;
	}
}

static struct pci_window *window_of(struct pci_bus *b, enum pci_bar_kind kind)
{
	if (kind == PCI_BAR_IO)
		return &b->io;
	return is_64bit(kind) ? &b->mem64 : &b->mem32;
}

static uint64_t address_of(const struct pci_device *d, unsigned int bar)
{
	uint64_t a = pci_config_get(d, register_of(bar), 4);

	if (d->bar[bar].kind == PCI_BAR_IO)
		return a & PCI_BASE_ADDRESS_IO_MASK & 0xffff;
	if (is_64bit(d->bar[bar].kind))
		a |= (uint64_t)pci_config_get(d, register_of(bar + 1), 4) << 32;
	return a & PCI_BASE_ADDRESS_MEM_MASK;
}

static void set_mask(struct pci_device *d, unsigned int offset, uint32_t mask)
{
	for (unsigned int i = 0; i < 4; i++)
		d->writable[offset + i] = (uint8_t)(mask >> (8 * i));
}

static int check_bar(const struct pci_device *d, unsigned int bar)
{
	const struct pci_bar *r = &d->bar[bar];

	if (r->bytes < (r->kind == PCI_BAR_IO ? 4 : 16) || (r->bytes & (r->bytes - 1)))
		return err_set("%s: BAR %u of %llu bytes: not a power of two, or too small",
			       d->name, bar, (unsigned long long)r->bytes);
	if (is_64bit(r->kind) && (bar + 1 >= PCI_BARS || d->bar[bar + 1].kind != PCI_BAR_NONE))
		return err_set("%s: BAR %u is 64 bits wide, but the next slot is not free",
			       d->name, bar);
	return 0;
}

static unsigned int map_count(const struct pci_bar *r)
{
	return r->ram ? 1 : r->map_count;
}

static struct pci_bar_map map_of(const struct pci_bar *r, unsigned int i)
{
	return r->ram ? (struct pci_bar_map){.bytes = r->bytes, .host = r->ram} : r->maps[i];
}

static int assign_bar(struct pci_bus *b, struct pci_device *d, unsigned int bar)
{
	const struct pci_bar *r = &d->bar[bar];
	struct pci_window *w = window_of(b, r->kind);
	uint64_t at = (w->next + r->bytes - 1) & ~(r->bytes - 1);
	uint64_t mask = ~(r->bytes - 1);

	if (check_bar(d, bar))
		return -1;
	if (at < w->next || at > w->end || r->bytes > w->end - at)
		return err_set("%s: no room for %llu bytes in the guest's PCI address space",
			       d->name, (unsigned long long)r->bytes);
	w->next = at + r->bytes;
	d->memory_slot[bar] = FIRST_BAR_SLOT + b->memory_slots;
	b->memory_slots += map_count(r);
	pci_config_set(d, register_of(bar), 4, (uint32_t)at | type_bits(r->kind));
	set_mask(d, register_of(bar), (uint32_t)mask);
	if (is_64bit(r->kind)) {
		pci_config_set(d, register_of(bar + 1), 4, (uint32_t)(at >> 32));
		set_mask(d, register_of(bar + 1), (uint32_t)(mask >> 32));
	}
	d->range[bar] = (struct bus_range){.name = d->name,
					   .base = at,
					   .bytes = r->bytes,
					   .read = r->read,
					   .write = r->write,
					   .owner = d};
	return 0;
}

int pci_bars_assign(struct pci_bus *b, struct pci_device *d)
{
	for (unsigned int bar = 0; bar < PCI_BARS; bar++)
		if (d->bar[bar].kind != PCI_BAR_NONE && assign_bar(b, d, bar))
			return -1;
	return 0;
}

static struct bus *bus_of(struct pci_bus *b, const struct pci_device *d, unsigned int bar)
{
	return d->bar[bar].kind == PCI_BAR_IO ? b->machine->ports : b->machine->mmio;
}

static int arm(struct pci_device *d, struct pci_ioeventfd *e, bool assign)
{
	if (e->armed == assign)
		return 0;
	if (kvm_ioeventfd(d->machine, d->bar[e->bar].kind == PCI_BAR_IO,
			  d->range[e->bar].base + e->offset, e->size, e->fd, assign))
		return -1;
	e->armed = assign;
	return 0;
}

static void arm_all(struct pci_device *d, unsigned int bar, bool assign)
{
	/* A doorbell that KVM will not watch still rings: the write exits and reaches the BAR.
	 */
	for (struct pci_ioeventfd *e = d->ioeventfds; e; e = e->next)
		if (e->bar == bar)
			arm(d, e, assign);
}

/* Map or unmap the first count parts that are memory. */
static int map_parts(struct pci_bus *b, struct pci_device *d, unsigned int bar,
		     unsigned int count, bool map)
{
	for (unsigned int i = 0; i < count; i++) {
		struct pci_bar_map p = map_of(&d->bar[bar], i);

		if (kvm_slot(b->machine, d->memory_slot[bar] + i, d->range[bar].base + p.offset,
			     map ? p.bytes : 0, map ? p.host : NULL)) {
			map_parts(b, d, bar, i, false);
			return -1;
		}
	}
	return 0;
}

static void unmap_bar(struct pci_bus *b, struct pci_device *d, unsigned int bar)
{
	if (!d->mapped[bar])
		return;
	arm_all(d, bar, false);
	map_parts(b, d, bar, map_count(&d->bar[bar]), false);
	bus_remove(bus_of(b, d, bar), &d->range[bar]);
	d->mapped[bar] = false;
}

/* Inside a window that the guest was told of: never over RAM or the interrupt controllers. */
static bool in_window(struct pci_bus *b, const struct pci_device *d, unsigned int bar,
		      uint64_t at)
{
	const struct pci_window *w[3] = {&b->io, NULL, NULL};
	uint64_t bytes = d->bar[bar].bytes;

	if (d->bar[bar].kind != PCI_BAR_IO) {
		w[0] = &b->mem32;
		w[1] = is_64bit(d->bar[bar].kind) ? &b->mem64 : NULL;
	}
	for (int i = 0; w[i]; i++)
		if (at >= w[i]->start && at < w[i]->end && bytes <= w[i]->end - at)
			return true;
	return false;
}

static int map_bar(struct pci_bus *b, struct pci_device *d, unsigned int bar, uint64_t at)
{
	struct bus_range *r = &d->range[bar];

	if (!in_window(b, d, bar, at))
		return err_set("%s: BAR %u at 0x%llx lies outside the PCI windows", d->name,
			       bar, (unsigned long long)at);
	r->base = at;
	if (bus_add(bus_of(b, d, bar), r))
		return -1;
	if (map_parts(b, d, bar, map_count(&d->bar[bar]), true)) {
		bus_remove(bus_of(b, d, bar), r);
		return -1;
	}
	d->mapped[bar] = true;
	arm_all(d, bar, true);
	return 0;
}

void pci_bars_update(struct pci_bus *b, struct pci_device *d)
{
	uint32_t command = pci_config_get(d, PCI_COMMAND, 2);

	for (unsigned int bar = 0; bar < PCI_BARS; bar++) {
		enum pci_bar_kind kind = d->bar[bar].kind;
		bool enabled =
			command & (kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
		uint64_t at;

		if (kind == PCI_BAR_NONE)
			continue;
		at = address_of(d, bar);
		if (d->mapped[bar] && (!enabled || at != d->range[bar].base))
			unmap_bar(b, d, bar);
		if (enabled && !d->mapped[bar] && map_bar(b, d, bar, at))
			__atomic_fetch_add(&b->refused_bars, 1, __ATOMIC_RELAXED);
	}
}

void pci_bars_unmap(struct pci_bus *b, struct pci_device *d)
{
	for (unsigned int bar = 0; bar < PCI_BARS; bar++)
		unmap_bar(b, d, bar);
	while (d->ioeventfds) {
		struct pci_ioeventfd *e = d->ioeventfds;

		d->ioeventfds = e->next;
		free(e);
	}
}

int pci_ioeventfd(struct pci_device *d, unsigned int bar, uint64_t offset, unsigned int size,
		  int fd)
{
	struct pci_ioeventfd *e;
	int ret = 0;

	if (bar >= PCI_BARS || d->bar[bar].kind == PCI_BAR_NONE ||
	    offset >= d->bar[bar].bytes || size > d->bar[bar].bytes - offset)
		return err_set("%s: a doorbell outside its BAR", d->name);
	e = calloc(1, sizeof(*e));
	if (!e)
		return err_errno("%s: cannot add a doorbell", d->name);
	*e = (struct pci_ioeventfd){.bar = bar, .offset = offset, .size = size, .fd = fd};
	if (d->machine)
		pthread_mutex_lock(&d->machine->pci->lock);
	e->next = d->ioeventfds;
	d->ioeventfds = e;
	if (d->mapped[bar])
		ret = arm(d, e, true);
	if (d->machine)
		pthread_mutex_unlock(&d->machine->pci->lock);
	return ret;
}

void pci_ioeventfd_remove(struct pci_device *d, unsigned int bar, uint64_t offset,
			  unsigned int size, int fd)
{
	struct pci_ioeventfd **e = &d->ioeventfds, *found;

	pthread_mutex_lock(&d->machine->pci->lock);
	while (*e && ((*e)->bar != bar || (*e)->offset != offset || (*e)->size != size ||
		      (*e)->fd != fd))
		e = &(*e)->next;
	found = *e;
	if (found) {
		*e = found->next;
		arm(d, found, false);
		free(found);
	}
	pthread_mutex_unlock(&d->machine->pci->lock);
}
