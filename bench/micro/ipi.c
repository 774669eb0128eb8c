/* an interrupt to the other processor, which runs, and its answer in memory: see docs/bench.md.
 */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	if (micro_command_target(c->state, OP_IPI, c->limits->events))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_ipi = {
	.name = "ipi",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows = "an interrupt to the other processor, which runs, and its answer in memory",
	.source = "kvm-unit-tests, x86/vmexit.c, ipi",
	.needs = loop_needs_two,
	.setup = loop_setup_two,
	.run = run,
	.teardown = loop_teardown,
};
