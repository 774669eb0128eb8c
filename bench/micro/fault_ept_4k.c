/* the first touch of a 4 KiB page that the host has but the second level of page tables has
 * not: see fault.h. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "bench/micro/fault.h"

static int setup(struct bench_context *c)
{
	return fault_setup(c, PAGES_SMALL);
}

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return fault_run(c, 65536, figure);
}

const struct bench bench_fault_ept_4k = {
	.name = "fault.ept.4k",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 20,
	.shows =
		"the first touch of a 4 KiB page that the host has but the second level of page tables has not",
	.source = "our own",
	.needs = fault_needs,
	.setup = setup,
	.run = run,
	.teardown = loop_teardown,
};
