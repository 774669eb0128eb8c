/* The PCI bus: configuration space behind ports 0xcf8/0xcfc, capabilities, INTx. */
#include "vmm/pci.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/kvm.h"
#include "vmm/pci_bus.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_ENABLE  (1U << 31)

uint32_t pci_config_get(const struct pci_device *d, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)d->config[offset + i] << (8 * i);
	return value;
}

void pci_config_set(struct pci_device *d, unsigned int offset, unsigned int size,
		    uint32_t value)
{
	for (unsigned int i = 0; i < size; i++)
		d->config[offset + i] = (uint8_t)(value >> (8 * i));
}

/* The function and offset that an access to the data port means; NULL: nobody there. */
static struct pci_device *target(struct pci_bus *b, uint64_t port_offset, unsigned int *offset)
{
	uint32_t a = b->address;

	*offset = (a & 0xfc) + (unsigned int)port_offset;
	if (!(a & CONFIG_ENABLE) || (a >> 16 & 0xff) != 0 || (a >> 8 & 7) != 0)
		return NULL;
	return b->device[a >> 11 & 0x1f];
}

static uint64_t data_read(struct bus_range *r, uint64_t port_offset, unsigned int size)
{
	struct pci_bus *b = r->owner;
	struct pci_device *d;
	unsigned int offset;
	uint32_t value;

	pthread_mutex_lock(&b->lock);
	d = target(b, port_offset, &offset);
	pthread_mutex_unlock(&b->lock);
	if (!d)
		return UINT32_MAX;
	if (d->ops && d->ops->config_reading)
		d->ops->config_reading(d, offset, size);
	pthread_mutex_lock(&b->lock);
	value = pci_config_get(d, offset, size);
	pthread_mutex_unlock(&b->lock);
	return value;
}

static void store(struct pci_device *d, unsigned int offset, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++) {
		uint8_t mask = d->writable[offset + i];
		uint8_t byte = (uint8_t)(value >> (8 * i));

		d->config[offset + i] = (d->config[offset + i] & ~mask) | (byte & mask);
	}
}

static void data_write(struct bus_range *r, uint64_t port_offset, uint64_t value,
		       unsigned int size)
{
	struct pci_bus *b = r->owner;
	struct pci_device *d;
	unsigned int offset;

	pthread_mutex_lock(&b->lock);
	d = target(b, port_offset, &offset);
	if (!d) {
		pthread_mutex_unlock(&b->lock);
		return;
	}
	store(d, offset, size, (uint32_t)value);
	if (offset < PCI_STD_HEADER_SIZEOF) {
		pci_bars_update(b, d);
	} else {
		pci_msix_control_written(d);
		pci_msi_control_written(d);
	}
	pthread_mutex_unlock(&b->lock);
	if (d->ops && d->ops->config_written)
		d->ops->config_written(d, offset, size);
}

static uint64_t address_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_bus *b = r->owner;

	(void)offset;
	return size == 4 ? b->address : UINT32_MAX;
}

/* Only whole 32-bit writes are ours (PCI 3.0, 3.2.2.3.2); port 0xcf9 by bytes is the reset
 * register. */
static void address_write(struct bus_range *r, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	struct pci_bus *b = r->owner;

	if (size == 4) {
		pthread_mutex_lock(&b->lock);
		b->address = (uint32_t)value;
		pthread_mutex_unlock(&b->lock);
	} else if (offset == 1 && size == 1 && (value & 4)) {
		machine_end(b->machine, MACHINE_REBOOT, "the guest rebooted (reset register)");
	}
}

int pci_place_capability(struct pci_device *d, unsigned int offset, uint8_t id,
			 unsigned int bytes)
{
	if (offset < PCI_STD_HEADER_SIZEOF || offset % 4 || offset > sizeof(d->config) - 4 ||
	    bytes < 2 || bytes > sizeof(d->config) - offset)
		return err_set("%s: no room for a capability of %u bytes in its configuration "
			       "space",
			       d->name, bytes);
	d->config[offset] = id;
	d->config[offset + 1] = d->config[PCI_CAPABILITY_LIST];
	d->config[PCI_CAPABILITY_LIST] = (uint8_t)offset;
	d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	if (d->next_capability < offset + bytes)
		d->next_capability = (offset + bytes + 3) & ~3U;
	return 0;
}

unsigned int pci_next_capability(const struct pci_device *d)
{
	return d->next_capability ? d->next_capability : PCI_STD_HEADER_SIZEOF;
}

int pci_add_capability(struct pci_device *d, uint8_t id, unsigned int bytes)
{
	unsigned int offset = pci_next_capability(d);

	return pci_place_capability(d, offset, id, bytes) ? -1 : (int)offset;
}

void pci_set_writable(struct pci_device *d, unsigned int offset, unsigned int size,
		      uint32_t mask)
{
	for (unsigned int i = 0; i < size; i++)
		d->writable[offset + i] |= (uint8_t)(mask >> (8 * i));
}

unsigned int pci_intx_gsi(const struct pci_device *d)
{
	return PCI_INTX_GSI + d->slot % PCI_INTX_LINES;
}

static void fill_header(struct pci_device *d)
{
	const struct pci_id *id = &d->id;

	pci_config_set(d, PCI_VENDOR_ID, 2, id->vendor);
	pci_config_set(d, PCI_DEVICE_ID, 2, id->device);
	pci_config_set(d, PCI_REVISION_ID, 1, id->revision);
	pci_config_set(d, PCI_CLASS_PROG, 1, id->class_code & 0xff);
	pci_config_set(d, PCI_CLASS_DEVICE, 2, id->class_code >> 8);
	pci_config_set(d, PCI_SUBSYSTEM_VENDOR_ID, 2, id->subsystem_vendor);
	pci_config_set(d, PCI_SUBSYSTEM_ID, 2, id->subsystem);
	pci_set_writable(d, PCI_COMMAND, 2,
			 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	pci_set_writable(d, PCI_CACHE_LINE_SIZE, 1, 0xff);
	pci_set_writable(d, PCI_LATENCY_TIMER, 1, 0xff);
	if (!d->no_interrupt) {
		d->config[PCI_INTERRUPT_PIN] = 1; /* INTA# */
		d->config[PCI_INTERRUPT_LINE] = (uint8_t)pci_intx_gsi(d);
		pci_set_writable(d, PCI_INTERRUPT_LINE, 1, 0xff);
	}
}

int pci_add(struct machine *m, struct pci_device *d)
{
	struct pci_bus *b = m->pci;
	unsigned int slot = 0;

	while (slot < PCI_SLOTS && b->device[slot])
		slot++;
	if (slot == PCI_SLOTS)
		return err_set("%s: all %d slots of the PCI bus are taken", d->name, PCI_SLOTS);
	d->machine = m;
	d->slot = slot;
	fill_header(d);
	if (pci_bars_assign(b, d))
		return -1;
	b->device[slot] = d;
	return 0;
}

void pci_remove(struct pci_device *d)
{
	if (d->machine) {
		struct pci_bus *b = d->machine->pci;

		pci_bars_unmap(b, d);
		if (b->device[d->slot] == d)
			b->device[d->slot] = NULL;
	}
	pci_msix_destroy(d);
	pci_msi_destroy(d);
}

void pci_intx(struct pci_device *d, bool level)
{
	struct pci_bus *b = d->machine->pci;
	unsigned int line = d->slot % PCI_INTX_LINES;

	pthread_mutex_lock(&b->intx_lock);
	if (d->intx_level != level) {
		d->intx_level = level;
		b->asserted[line] += level ? 1 : -1U;
		/* The line is wired-or: it falls when the last function lets go. */
		if (b->asserted[line] == (level ? 1 : 0))
			kvm_irq_line(d->machine, pci_intx_gsi(d), level);
	}
	pthread_mutex_unlock(&b->intx_lock);
}

uint64_t pci_mem64_start(const struct machine *m)
{
	uint64_t end = GUEST_HIGH_START;

	if (m->memory.bytes > GUEST_LOW_MAX)
		end += m->memory.bytes - GUEST_LOW_MAX;
	return (end + PCI_MEM64_BYTES - 1) & ~(PCI_MEM64_BYTES - 1);
}

static struct pci_window window(uint64_t start, uint64_t end)
{
	return (struct pci_window){.start = start, .next = start, .end = end};
}

int pci_bus_create(struct machine *m)
{
	struct pci_bus *b = calloc(1, sizeof(*b));
	uint64_t mem64 = pci_mem64_start(m);

	if (!b)
		return err_errno("cannot make the PCI bus");
	m->pci = b;
	b->machine = m;
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->intx_lock, NULL);
	b->io = window(PCI_IO_START, PCI_IO_END);
	b->mem32 = window(PCI_MEM32_START, PCI_MEM32_END);
	b->mem64 = window(mem64, mem64 + PCI_MEM64_BYTES);
	b->address_range = (struct bus_range){.name = "pci config address",
					      .base = CONFIG_ADDRESS,
					      .bytes = 4,
					      .read = address_read,
					      .write = address_write,
					      .owner = b};
	b->data_range = (struct bus_range){.name = "pci config data",
					   .base = CONFIG_ADDRESS + 4,
					   .bytes = 4,
					   .read = data_read,
					   .write = data_write,
					   .owner = b};
	b->bridge.name = "host bridge";
	/* QEMU's generic host bridge: class 0x060000 is what Linux's probe of the ports looks
	 * for. */
	b->bridge.id =
		(struct pci_id){.vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000};
	b->bridge.no_interrupt = true;
	if (bus_add(m->ports, &b->address_range) || bus_add(m->ports, &b->data_range))
		return -1;
	return pci_add(m, &b->bridge);
}

void pci_bus_destroy(struct machine *m)
{
	struct pci_bus *b = m->pci;

	if (!b)
		return;
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->intx_lock);
	free(b);
	m->pci = NULL;
}
