/*
 * The PC's clock and its CMOS memory (Motorola MC146818): the time of day in UTC, no alarms.
 * A KVM guest reads its time elsewhere; this is for what does not, and keeps Linux from
 * waiting.
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define PORT 0x70

enum {
	SECONDS = 0,
	MINUTES = 2,
	HOURS = 4,
	WEEKDAY = 6,
	DAY,
	MONTH,
	YEAR,
	STATUS_A,
	STATUS_B,
	STATUS_C,
	STATUS_D,
	CENTURY = 0x32
};

struct rtc {
	struct bus_range range;
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t memory[128];
};

static uint8_t bcd(int v)
{
	return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

static uint8_t rtc_register(const struct rtc *c, uint8_t index)
{
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	switch (index) {
	case SECONDS:
		return bcd(t.tm_sec);
	case MINUTES:
		return bcd(t.tm_min);
	case HOURS:
		return bcd(t.tm_hour);
	case WEEKDAY:
		return bcd(t.tm_wday + 1);
	case DAY:
		return bcd(t.tm_mday);
	case MONTH:
		return bcd(t.tm_mon + 1);
	case YEAR:
		return bcd(t.tm_year % 100);
	case CENTURY:
		return bcd((t.tm_year + 1900) / 100);
	case STATUS_A:
		return 0x26; /* never in the middle of an update */
	case STATUS_B:
		return 0x02; /* 24 hours, BCD, no interrupts */
	case STATUS_C:
		return 0;
	case STATUS_D:
		return 0x80; /* the battery is good */
	default:
		return c->memory[index];
	}
}

static uint64_t rtc_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct rtc *c = r->owner;
	uint8_t value = 0xff;

	(void)size;
	pthread_mutex_lock(&c->lock);
	if (offset == 1)
		value = rtc_register(c, c->index);
	pthread_mutex_unlock(&c->lock);
	return value;
}

static void rtc_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct rtc *c = r->owner;

	(void)size;
	pthread_mutex_lock(&c->lock);
	if (offset == 0)
		c->index = value & 0x7f; /* the top bit masks the NMI */
	else
		c->memory[c->index] = (uint8_t)value;
	pthread_mutex_unlock(&c->lock);
}

static int create(struct device *d, const struct arguments *a)
{
	struct rtc *c = calloc(1, sizeof(*c));

	(void)a;
	if (!c)
		return err_errno("cannot make the clock");
	d->state = c;
	pthread_mutex_init(&c->lock, NULL);
	c->range = (struct bus_range){.name = "clock",
				      .base = PORT,
				      .bytes = 2,
				      .read = rtc_read,
				      .write = rtc_write,
				      .owner = c};
	return bus_add(d->machine->ports, &c->range);
}

static void destroy(struct device *d)
{
	struct rtc *c = d->state;

	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct device_type device_rtc = {
	.name = "rtc",
	.help = "the PC's clock",
	.always = true,
	.hidden = true,
	.create = create,
	.destroy = destroy,
};
