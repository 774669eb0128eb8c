/*
 * Fuzzes a passed-through function from the guest's side: a guest that writes anything to its
 * configuration space and to its BARs, trapped pages and MSI-X table included, moves the BARs
 * and switches between INTx, MSI and MSI-X. The pretended kernel and KVM abort at what the real
 * ones would refuse.
 *
 * The input: a byte of settings; with bit 0, 256 bytes of configuration space as the function's
 * own, which is trusted but may be odd; then a list of 8-byte orders: what, size, offset,
 * value.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vmm/fake_kvm.h"
#include "tests/unit/vmm/fake_vfio.h"
#include "vmm/pci_bus.h"
#include "vmm/vfio/device.h"

#define SLOT 1

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct order {
	uint8_t what, size;
	uint16_t offset;
	uint32_t value;
};

static void obey(struct machine *m, struct vfio_device *v, const struct order *o)
{
	unsigned int bytes = 1U << (o->size & 3), narrow = bytes < 8 ? bytes : 4;
	uint64_t base = v->pci.range[o->what >> 4 & 3].base;

	switch (o->what & 7) {
	case 0:
	case 1:
		bus_write(m->ports, 0xcf8, 1U << 31 | SLOT << 11 | (o->offset & 0xfc), 4);
		bus_write(m->ports, 0xcfc + (o->offset & (4 - narrow)), o->value, narrow);
		break;
	case 2:
		bus_write(m->ports, 0xcf8, 1U << 31 | SLOT << 11 | (o->offset & 0xfc), 4);
		bus_read(m->ports, 0xcfc + (o->offset & (4 - narrow)), narrow);
		break;
	case 3:
		bus_write(m->mmio, base + o->offset, o->value, bytes);
		break;
	case 4:
		bus_read(m->mmio, base + o->offset, bytes);
		break;
	case 5: /* where the table is, mostly */
		bus_write(m->mmio, v->pci.range[0].base + v->msix.table + (o->offset & 0xff),
			  o->value, bytes);
		break;
	case 6:
		bus_write(m->ports, (base + o->offset) & 0xffff, o->value, narrow);
		break;
	case 7:
		bus_read(m->ports, (base + o->offset) & 0xffff, narrow);
		break;
	}
}

static const uint8_t *choose_function(const uint8_t *data, size_t *size)
{
	uint8_t settings = *data++;

	--*size;
	fake_vfio_reset();
	if (settings & 1 && *size >= sizeof(fake_vfio.config)) {
		memcpy(fake_vfio.config, data, sizeof(fake_vfio.config));
		data += sizeof(fake_vfio.config);
		*size -= sizeof(fake_vfio.config);
	}
	if (settings & 2)
		fake_vfio.irqs[1] = 32;
	if (settings & 4)
		fake_vfio.irqs[2] = FAKE_VECTORS;
	if (settings & 8)
		fake_vfio.vectors_left = 3;
	if (settings & 16)
		fake_vfio.sparse[0].bytes = 0xb800;
	if (settings & 32)
		fake_vfio.irqs[0] = 0;
	if (settings & 64)
		fake_vfio.bar_bytes[4] = 16384;
	return data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vfio_device v = {.fd = FAKE_DEVICE_FD, .host.address = FAKE_ADDRESS};
	struct machine m;
	struct order o;

	if (!size)
		return 0;
	data = choose_function(data, &size);
	fake_machine(&m, 64 << 20);
	v.machine = &m;
	v.irqs.trigger = v.irqs.resample = -1;
	pthread_mutex_init(&v.irqs.lock, NULL);
	v.pci = (struct pci_device){.name = "fuzz", .ops = &vfio_pci_ops, .owner = &v};
	if (!vfio_irqs_open(&v) && !vfio_config_open(&v) && !vfio_bars_open(&v) &&
	    !pci_add(&m, &v.pci)) {
		vfio_irqs_update(&v);
		for (; size >= sizeof(o); data += sizeof(o), size -= sizeof(o)) {
			memcpy(&o, data, sizeof(o));
			obey(&m, &v, &o);
		}
	}
	vfio_irqs_close(&v);
	pci_remove(&v.pci);
	vfio_bars_close(&v);
	pthread_mutex_destroy(&v.irqs.lock);
	fake_machine_destroy(&m);
	if (fake_vfio.maps)
		abort();
	return 0;
}
