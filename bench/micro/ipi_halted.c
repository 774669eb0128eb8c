/* an interrupt to the other processor, which has halted for a millisecond, and its answer: see
 * docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

#define HALTED_NS 1000000

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	struct micro *m = c->state;

	m->shared->wait_ticks = (uint64_t)(HALTED_NS * m->ticks_per_ns);
	if (micro_command_target(m, OP_IPI_HALTED, c->limits->events))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_ipi_halted = {
	.name = "ipi.halted",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows =
		"an interrupt to the other processor, which has halted for a millisecond, and its answer",
	.source = "kvm-unit-tests, x86/vmexit.c, ipi_halt",
	.needs = loop_needs_two,
	.setup = loop_setup_two,
	.run = run,
	.teardown = loop_teardown,
};
