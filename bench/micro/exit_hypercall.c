/* a hypercall that KVM answers with no: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_HYPERCALL, true, figure);
}

const struct bench bench_exit_hypercall = {
	.name = "exit.hypercall",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.shows = "a hypercall that KVM answers with no: the cheapest way out and back",
	.source = "kvm-unit-tests, x86/vmexit.c, vmcall",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
