/*
 * A port that ends the machine: how a guest of a few bytes reports its result. As QEMU's
 * isa-debug-exit, but the value 0 is success and any other is failure.
 */
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define PORT 0xf4

struct debug_exit {
	struct machine *machine;
	struct bus_range range;
};

static void result_write(struct bus_range *r, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	struct debug_exit *e = r->owner;

	(void)offset;
	(void)size;
	if (value == 0)
		machine_end(e->machine, MACHINE_POWEROFF, "the guest reported success");
	else
		machine_end(e->machine, MACHINE_FAILED,
			    "the guest reported failure %llu through the debug exit port",
			    (unsigned long long)value);
}

static int create(struct device *d, const struct arguments *a)
{
	struct debug_exit *e = calloc(1, sizeof(*e));

	(void)a;
	if (!e)
		return err_errno("cannot make the debug exit port");
	d->state = e;
	e->machine = d->machine;
	e->range = (struct bus_range){.name = "debug exit",
				      .base = PORT,
				      .bytes = 4,
				      .write = result_write,
				      .owner = e};
	return bus_add(d->machine->ports, &e->range);
}

static void destroy(struct device *d)
{
	free(d->state);
}

const struct device_type device_debug_exit = {
	.name = "debug-exit",
	.help = "end when the guest writes port 0xf4: 0 is success, all else failure",
	.create = create,
	.destroy = destroy,
};
