/* the same for a huge page of 2 MiB: see fault.h. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "bench/micro/fault.h"

static int setup(struct bench_context *c)
{
	return fault_setup(c, PAGES_LARGE);
}

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return fault_run(c, 2097152, figure);
}

const struct bench bench_fault_ept_2m = {
	.name = "fault.ept.2m",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 20,
	.shows = "the same for a huge page of 2 MiB",
	.source = "our own",
	.needs = fault_needs,
	.setup = setup,
	.run = run,
	.teardown = loop_teardown,
};
