/*
 * Fuzzes PCI: a guest that writes anything to the configuration ports and to wherever its BARs
 * then are. The fake KVM aborts if slots overlap or doorbells and interrupts do not add up.
 *
 * The input is a list of 8-byte orders: what, size, offset, value.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vmm/fake_kvm.h"
#include "vmm/pci_bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	if (offset + size > r->bytes)
		abort();
	return offset;
}

static void bar_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	(void)value;
	if (offset + size > r->bytes)
		abort();
}

struct order {
	uint8_t what, size;
	uint16_t offset;
	uint32_t value;
};

/* Somewhere near a BAR, as the guest placed it. */
static uint64_t near_bar(const struct pci_device *d, const struct order *o)
{
	return d->range[o->what >> 4 & 3].base + o->offset;
}

static void obey(struct machine *m, struct pci_device *d, const struct order *o)
{
	unsigned int size = 1u << (o->size & 3), narrow = size < 8 ? size : 4;

	switch (o->what & 15) {
	case 0:
	case 1:
		/* Most orders reach our function: slot 1 of bus 0. */
		bus_write(m->ports, 0xcf8, 1U << 31 | 1 << 11 | (o->offset & 0xfc), 4);
		bus_write(m->ports, 0xcfc + (o->offset & (4 - narrow)), o->value, narrow);
		break;
	case 2:
		bus_write(m->ports, 0xcf8 + (o->offset & 7), o->value, narrow);
		break;
	case 3:
		bus_read(m->ports, 0xcf8 + (o->offset & 7), narrow);
		break;
	case 4:
		bus_write(m->mmio, near_bar(d, o), o->value, size);
		break;
	case 5:
		bus_read(m->mmio, near_bar(d, o), size);
		break;
	case 6:
		bus_read(m->ports, near_bar(d, o) & 0xffff, narrow);
		break;
	case 7:
		pci_msix_signal(d, o->offset);
		break;
	case 8:
		pci_intx(d, o->value & 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char shared[65536];
	const struct pci_bar_map maps[] = {{0, 4096, shared}, {8192, 8192, shared + 8192}};
	struct pci_device d = {
		.name = "fuzz",
		.bar[0] = {PCI_BAR_MEM32, 65536, bar_read, bar_write, .maps = maps,
			   .map_count = 2},
		.bar[2] = {PCI_BAR_IO, 32, bar_read, bar_write},
		.bar[3] = {PCI_BAR_MEM64_PREFETCH, sizeof(shared), .ram = shared},
	};
	struct machine m;
	struct order o;

	fake_machine(&m, 64 << 20);
	if (pci_msix_init(&d, 1, 35) || pci_msi_init(&d, 0x80, 0x0188) || pci_add(&m, &d) ||
	    pci_ioeventfd(&d, 0, 16, 4, 1) || pci_ioeventfd(&d, 2, 4, 2, 2) ||
	    pci_msix_fd(&d, 3) < 0 || pci_msi_fd(&d, 1) < 0 || pci_msi_fd(&d, 15) < 0)
		abort();
	for (; size >= sizeof(o); data += sizeof(o), size -= sizeof(o)) {
		memcpy(&o, data, sizeof(o));
		obey(&m, &d, &o);
	}
	pci_remove(&d);
	fake_machine_destroy(&m);
	return 0;
}
