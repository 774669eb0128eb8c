/*
 * The keyboard controller, as far as anyone still needs it: it answers at once, has
 * neither keyboard nor mouse, and pulses the reset line when told to. The ACPI tables do not
 * mention it, so that Linux does not probe; "reboot=k" and small guests use it.
 */
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define DATA_PORT    0x60
#define COMMAND_PORT 0x64

#define STATUS_SYSTEM 0x04 /* the self test was passed */
#define PULSE_RESET   0xfe

struct i8042 {
	struct machine *machine;
	struct bus_range data, command;
};

static uint64_t data_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)r;
	(void)offset;
	(void)size;
	return 0;
}

static uint64_t status_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)r;
	(void)offset;
	(void)size;
	return STATUS_SYSTEM;
}

static void command_write(struct bus_range *r, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	struct i8042 *c = r->owner;

	(void)offset;
	(void)size;
	if ((uint8_t)value == PULSE_RESET)
		machine_end(c->machine, MACHINE_REBOOT,
			    "the guest rebooted (keyboard controller)");
}

static int create(struct device *d, const struct arguments *a)
{
	struct i8042 *c = calloc(1, sizeof(*c));

	(void)a;
	if (!c)
		return err_errno("cannot make the keyboard controller");
	d->state = c;
	c->machine = d->machine;
	c->data = (struct bus_range){.name = "i8042 data",
				     .base = DATA_PORT,
				     .bytes = 1,
				     .read = data_read,
				     .owner = c};
	c->command = (struct bus_range){.name = "i8042 command",
					.base = COMMAND_PORT,
					.bytes = 1,
					.read = status_read,
					.write = command_write,
					.owner = c};
	if (bus_add(d->machine->ports, &c->data))
		return -1;
	return bus_add(d->machine->ports, &c->command);
}

static void destroy(struct device *d)
{
	free(d->state);
}

const struct device_type device_i8042 = {
	.name = "i8042",
	.help = "the keyboard controller's reset line",
	.always = true,
	.hidden = true,
	.create = create,
	.destroy = destroy,
};
