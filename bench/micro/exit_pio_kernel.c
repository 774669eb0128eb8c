/* IN from a port of the interrupt controller that KVM itself emulates: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_PIO_KERNEL, true, figure);
}

const struct bench bench_exit_pio_kernel = {
	.name = "exit.pio.kernel",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.shows = "IN from a port of the interrupt controller that KVM itself emulates",
	.source = "kvm-unit-tests, x86/vmexit.c, inl_from_kernel",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
