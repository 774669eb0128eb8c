/* CPUID leaf 0, which always exits and which KVM answers from a table: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_CPUID, true, figure);
}

const struct bench bench_exit_cpuid = {
	.name = "exit.cpuid",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.shows = "CPUID leaf 0, which always exits and which KVM answers from a table",
	.source = "kvm-unit-tests, x86/vmexit.c, cpuid",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
