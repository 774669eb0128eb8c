/*
 * ACPI fixed hardware: power management 1 (the power button, sleeping, that is switching off)
 * and the timer. ACPI 6.4, 4.8.3. The machine is always in ACPI mode (no SMI command), so
 * SCI_EN is set.
 */
#include "vmm/device/pm.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/err.h"
#include "vmm/acpi.h"
#include "vmm/kvm.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define POWER_BUTTON (1U << 8) /* in status and enable */
#define SCI_EN       (1U << 0)
#define SLP_TYP(v)   ((v) >> 10 & 7)
#define SLP_EN       (1U << 13)

#define TIMER_HZ 3579545ULL

struct acpi_pm {
	struct machine *machine;
	struct bus_range event, control, timer;
	pthread_mutex_t lock; /* of what follows */
	uint16_t status, enable, control_value;
	uint64_t presses;
};

static void update_sci(struct acpi_pm *p)
{
	kvm_irq_line(p->machine, ACPI_SCI_GSI, p->status & p->enable & POWER_BUTTON);
}

static uint64_t event_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct acpi_pm *p = r->owner;
	uint32_t both;

	(void)size;
	pthread_mutex_lock(&p->lock);
	both = p->status | (uint32_t)p->enable << 16;
	pthread_mutex_unlock(&p->lock);
	return both >> (8 * offset);
}

static void event_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct acpi_pm *p = r->owner;
	uint32_t mask = size >= 4 ? UINT32_MAX : (1U << (8 * size)) - 1;
	uint32_t bits = (uint32_t)(value & mask) << (8 * offset);
	uint32_t enable_mask = mask << (8 * offset) >> 16;

	pthread_mutex_lock(&p->lock);
	p->status &= (uint16_t)~bits; /* writing ones clears */
	p->enable = (uint16_t)((p->enable & ~enable_mask) | (bits >> 16 & enable_mask));
	update_sci(p);
	pthread_mutex_unlock(&p->lock);
}

static uint64_t control_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct acpi_pm *p = r->owner;

	(void)size;
	return (uint64_t)(p->control_value | SCI_EN) >> (8 * offset);
}

static void control_write(struct bus_range *r, uint64_t offset, uint64_t value,
			  unsigned int size)
{
	struct acpi_pm *p = r->owner;

	if (offset != 0 || size != 2)
		return;
	p->control_value = (uint16_t)(value & ~SLP_EN); /* write-only bit */
	if ((value & SLP_EN) && SLP_TYP(value) == ACPI_S5_TYPE)
		machine_end(p->machine, MACHINE_POWEROFF, "the guest switched itself off");
}

static uint64_t timer_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct timespec t;
	uint64_t ticks;

	(void)r;
	(void)size;
	clock_gettime(CLOCK_MONOTONIC, &t);
	ticks = (uint64_t)t.tv_sec * TIMER_HZ + (uint64_t)t.tv_nsec * TIMER_HZ / 1000000000ULL;
	return (uint32_t)ticks >> (8 * offset);
}

void acpi_pm_press(struct acpi_pm *p)
{
	pthread_mutex_lock(&p->lock);
	p->presses++;
	p->status |= POWER_BUTTON;
	update_sci(p);
	pthread_mutex_unlock(&p->lock);
}

static int create(struct device *d, const struct arguments *a)
{
	struct machine *m = d->machine;
	struct acpi_pm *p = calloc(1, sizeof(*p));

	(void)a;
	if (!p)
		return err_errno("cannot make the power management registers");
	d->state = p;
	p->machine = m;
	m->pm = p;
	pthread_mutex_init(&p->lock, NULL);
	p->event = (struct bus_range){.name = "pm1 event",
				      .base = ACPI_PM1_EVENT,
				      .bytes = 4,
				      .read = event_read,
				      .write = event_write,
				      .owner = p};
	p->control = (struct bus_range){.name = "pm1 control",
					.base = ACPI_PM1_CONTROL,
					.bytes = 2,
					.read = control_read,
					.write = control_write,
					.owner = p};
	p->timer = (struct bus_range){.name = "pm timer",
				      .base = ACPI_PM_TIMER,
				      .bytes = 4,
				      .read = timer_read,
				      .owner = p};
	if (bus_add(m->ports, &p->event) || bus_add(m->ports, &p->control))
		return -1;
	return bus_add(m->ports, &p->timer);
}

static void destroy(struct device *d)
{
	struct acpi_pm *p = d->state;

	if (!p)
		return;
	d->machine->pm = NULL;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void status(struct device *d, json_t *into)
{
	struct acpi_pm *p = d->state;

	pthread_mutex_lock(&p->lock);
	json_object_set_new(into, "button_presses", json_integer((json_int_t)p->presses));
	json_object_set_new(into, "button_heard",
			    json_boolean(p->presses && !(p->status & POWER_BUTTON)));
	json_object_set_new(into, "button_enabled", json_boolean(p->enable & POWER_BUTTON));
	pthread_mutex_unlock(&p->lock);
}

const struct device_type device_pm = {
	.name = "acpi-pm",
	.help = "ACPI power management: power button, switching off, timer",
	.always = true,
	.hidden = true,
	.create = create,
	.destroy = destroy,
	.status = status,
};
