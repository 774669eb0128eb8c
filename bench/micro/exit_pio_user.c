/* OUT to a port that the monitor in user space answers: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_PIO_USER, true, figure);
}

const struct bench bench_exit_pio_user = {
	.name = "exit.pio.user",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.delays = true,
	.shows = "OUT to a port that the monitor in user space answers",
	.source = "kvm-unit-tests, x86/vmexit.c, inl_from_qemu",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
