/* from a deadline of the local APIC's timer until its handler: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

#define AHEAD_NS 1000000

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	struct micro *m = c->state;

	m->shared->wait_ticks = (uint64_t)(AHEAD_NS * m->ticks_per_ns);
	if (micro_command(m, OP_TIMER, c->limits->events, 1))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_timer_tscdeadline = {
	.name = "timer.tscdeadline",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows =
		"from a deadline of the local APIC's timer until its handler: how late the clock is",
	.source = "kvm-unit-tests, x86/tscdeadline_latency.c",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
