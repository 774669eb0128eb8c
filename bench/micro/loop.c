/* Loops and events in the freestanding guest: see loop.h. */
#include "bench/micro/loop.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/statistics.h"

#define ITERATIONS_FIRST 8
#define FIRST_BATCHES    3
#define FIRST_S          3 /* for so few, even where KVM interprets */
#define ITERATIONS_MAX   (1u << 24)
#define WARM_UP_MAX      10
#define WARM             0.1

int loop_setup_with(struct bench_context *c, const struct micro_config *config)
{
	struct micro *m = malloc(sizeof(*m));

	c->state = m;
	if (!m)
		return err_set("out of memory for a machine");
	if (micro_create(m, config))
		return -1;
	m->delay_ns = c->delay_ns;
	return 0;
}

int loop_setup(struct bench_context *c)
{
	return loop_setup_with(c, &(struct micro_config){.apic = true, .processors = 1});
}

int loop_setup_two(struct bench_context *c)
{
	return loop_setup_with(c, &(struct micro_config){.apic = true, .processors = 2});
}

void loop_teardown(struct bench_context *c)
{
	if (c->state)
		micro_destroy(c->state);
	free(c->state);
	c->state = NULL;
}

int loop_needs(const struct bench_context *c)
{
	(void)c;
	return micro_needs_kvm();
}

int loop_needs_two(const struct bench_context *c)
{
	(void)c;
	return micro_needs_two_cpus();
}

/* Of the ticks of a command, in nanoseconds. The guest may have written anything. */
static double median_ns(const struct micro *m, unsigned int n)
{
	double ns[TICKS_MAX];

	for (unsigned int i = 0; i < n; i++)
		ns[i] = (double)(int64_t)m->shared->ticks[i] / m->ticks_per_ns;
	return statistics_median(ns, n);
}

/* The quickest of a few: not one that had to wait for its CPU. */
static double least_ns(const struct micro *m)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < FIRST_BATCHES; i++)
		if (m->shared->ticks[i] < least)
			least = m->shared->ticks[i];
	return (double)least / m->ticks_per_ns;
}

static int find_iterations(struct bench_context *c, enum micro_op op)
{
	struct micro *m = c->state;
	unsigned int usual_s = m->limit_s;

	m->limit_s = FIRST_S;
	for (c->iterations = ITERATIONS_FIRST; c->iterations < ITERATIONS_MAX;
	     c->iterations *= 2) {
		if (micro_command(m, op, FIRST_BATCHES, c->iterations))
			return err_add("%u operations",
				       FIRST_BATCHES * (unsigned int)c->iterations);
		m->limit_s = usual_s;
		if (least_ns(m) >= (double)c->limits->batch_ns)
			break;
	}
	return 0;
}

static int warm_up(struct bench_context *c, enum micro_op op)
{
	struct micro *m = c->state;
	double before = 0;

	for (int i = 0; i < WARM_UP_MAX; i++) {
		double now;

		if (micro_command(m, op, 1, c->iterations))
			return -1;
		now = median_ns(m, 1);
		if (now > before * (1 - WARM) && now < before * (1 + WARM))
			break;
		before = now;
	}
	return 0;
}

/* One batch of each by turns: what the machine does beside this meets both alike. */
static int batches(struct bench_context *c, enum micro_op op, bool less_empty, double *ns)
{
	struct micro *m = c->state;
	double batch[TICKS_MAX];
	unsigned int n = c->limits->batches < TICKS_MAX ? c->limits->batches : TICKS_MAX;

	for (unsigned int i = 0; i < n; i++) {
		if (micro_command(m, op, 1, c->iterations))
			return -1;
		batch[i] = median_ns(m, 1);
		if (!less_empty)
			continue;
		if (micro_command(m, OP_EMPTY, 1, c->iterations))
			return -1;
		batch[i] -= median_ns(m, 1);
	}
	*ns = statistics_median(batch, n) / (double)c->iterations;
	return 0;
}

int loop_run(struct bench_context *c, enum micro_op op, bool less_empty, double *ns)
{
	if ((!c->iterations && find_iterations(c, op)) || warm_up(c, op) ||
	    (less_empty && warm_up(c, OP_EMPTY)) || batches(c, op, less_empty, ns))
		return -1;
	return *ns > 0 ? 0 : err_set("it took no longer than an empty loop");
}

int loop_events(struct bench_context *c, double *ns)
{
	*ns = median_ns(c->state, c->limits->events);
	return *ns > 0 ? 0
		       : err_set("interrupts came before they were sent: the guest's time stamp "
				 "counter does not follow the host's");
}
