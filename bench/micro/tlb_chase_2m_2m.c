/* Pointers from page to page, 2 MiB in the guest on 2 MiB in the host: see chase.h. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "bench/micro/chase.h"

static int setup(struct bench_context *c)
{
	return chase_setup(c, PAGES_LARGE, PAGES_LARGE);
}

const struct bench bench_tlb_chase_2m_2m = {
	.name = "tlb.chase.2m.2m",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 0.5,
	.shows =
		"a load that follows a pointer to another page: the guest has pages of 2 MiB, the host of 2 MiB",
	.source = "lmbench's lat_mem_rd (McVoy and Staelin 1996), a page per step",
	.needs = loop_needs,
	.setup = setup,
	.run = chase_run,
	.teardown = loop_teardown,
};
