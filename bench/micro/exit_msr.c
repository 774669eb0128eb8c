/* RDMSR of IA32_TSC_ADJUST, which KVM keeps: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_MSR, true, figure);
}

const struct bench bench_exit_msr = {
	.name = "exit.msr",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.shows = "RDMSR of IA32_TSC_ADJUST, which KVM keeps",
	.source = "kvm-unit-tests, x86/vmexit.c, rd_tsc_adjust_msr",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
