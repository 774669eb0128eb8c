/* a write where no memory is, decoded by KVM and answered in user space: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_MMIO_USER, true, figure);
}

const struct bench bench_exit_mmio_user = {
	.name = "exit.mmio.user",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.delays = true,
	.shows = "a write where no memory is, decoded by KVM and answered in user space",
	.source = "kvm-unit-tests, x86/vmexit.c, mmio-no-eventfd:pci-mem",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
