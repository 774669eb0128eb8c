/* How many machines fit on this one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/work.h"
#include "lib/err.h"
#include "lib/progress.h"

#define RATE    100 /* requests per second to each, at most */
#define PART    8   /* ... of what one machine alone can answer */
#define TIMES   2   /* of one machine's p99 */
#define RESERVE 8   /* a part of the host's memory stays free */

/* In MiB, of /proc/meminfo; 0: it does not say. */
static uint64_t memory_of(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128], key[64];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63[^:]: %llu", key, &kib) == 2 && !strcmp(key, name))
			break;
	if (f)
		fclose(f);
	return kib >> 10;
}

static bool has_room(unsigned int machine_mib)
{
	return memory_of("MemAvailable") > machine_mib + memory_of("MemTotal") / RESERVE;
}

/* guests[0] is the one that the subject brought up. *count: those that run. */
static int fill(const struct bench_context *c, struct guest *guests, unsigned int *count,
		double *fit)
{
	struct work_load l = {.requests = c->limits->requests, .connections = 4};
	struct guest *first = &guests[0];
	struct work_reply most;
	double alone, p99;

	if (work_load(c, &l, &most))
		return -1;
	l.rate = most.per_second / PART < RATE ? most.per_second / PART : RATE;
	progress("density: %.1f requests a second to each (one machine answers %.0f)", l.rate,
		 most.per_second);
	if (work_load_many(c, &l, guests, 1, &alone))
		return -1;
	for (*fit = 1; *count < c->limits->machines; (*fit)++) {
		if (!has_room(first->plan.memory_mib)) {
			progress("density: no memory for more than %u machines", *count);
			return 0;
		}
		if (guest_start(&guests[*count], first->site, first->monitor, first->mode,
				*count))
			return -1;
		(*count)++;
		if (work_load_many(c, &l, guests, *count, &p99))
			return -1;
		progress("density: %u machines, p99 %.2f ms (one: %.2f ms)", *count, p99 / 1e6,
			 alone / 1e6);
		if (p99 >= TIMES * alone)
			return 0;
	}
	progress("density: more than %u machines are not tried", *count);
	return 0;
}

static int needs(const struct bench_context *c)
{
	if (c->abreast)
		return err_set("it fills the host with machines of its own: not with --turns");
	return c->limits->machines > 1
		       ? 0
		       : err_set("it boots one machine after the other: not with --quick");
}

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	struct guest *guests = calloc(GUESTS_MAX, sizeof(*guests));
	unsigned int count = 1;
	int result;

	if (!guests)
		return err_set("out of memory for machines");
	guests[0] = *c->guest;
	result = fill(c, guests, &count, &figure[0]);
	while (count > 1)
		guest_stop(&guests[--count]);
	free(guests);
	return result;
}

const struct bench bench_density = {
	.name = "density",
	.unit = "machines",
	.higher = true,
	.kinds = SUBJECT_VIRTIO,
	.floor = 1,
	.shows =
		"identical machines, each asked an eighth of what one alone answers (100 times a second at most), that run until p99 of all is twice that of one, or memory is used up",
	.source = "open loop, a machine more each time",
	.needs = needs,
	.run = run,
};
