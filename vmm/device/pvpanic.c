/*
 * pvpanic: one port by which a guest's kernel says that it panicked (QEMU's docs/specs/pvpanic;
 * the guest's driver is the module pvpanic-mmio, found through ACPI as QEMU0001).
 */
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define PORT 0x505

#define PANICKED (1 << 0)

struct pvpanic {
	struct machine *machine;
	struct bus_range range;
};

static uint64_t events_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)r;
	(void)offset;
	(void)size;
	return PANICKED; /* the events it understands */
}

static void event_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pvpanic *p = r->owner;

	(void)offset;
	(void)size;
	if (value & PANICKED)
		machine_end(p->machine, MACHINE_PANIC, "the guest's kernel panicked");
}

static int create(struct device *d, const struct arguments *a)
{
	struct pvpanic *p = calloc(1, sizeof(*p));

	(void)a;
	if (!p)
		return err_errno("cannot make the panic port");
	d->state = p;
	p->machine = d->machine;
	p->range = (struct bus_range){.name = "panic port",
				      .base = PORT,
				      .bytes = 1,
				      .read = events_read,
				      .write = event_write,
				      .owner = p};
	return bus_add(d->machine->ports, &p->range);
}

static void destroy(struct device *d)
{
	free(d->state);
}

const struct device_type device_pvpanic = {
	.name = "pvpanic",
	.help = "the port that a panicking guest writes to",
	.always = true,
	.hidden = true,
	.create = create,
	.destroy = destroy,
};
