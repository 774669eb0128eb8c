/* Pointers from page to page, 4 KiB in the guest on 4 KiB in the host: see chase.h. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "bench/micro/chase.h"

static int setup(struct bench_context *c)
{
	return chase_setup(c, PAGES_SMALL, PAGES_SMALL);
}

const struct bench bench_tlb_chase_4k_4k = {
	.name = "tlb.chase.4k.4k",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 0.5,
	.shows =
		"a load that follows a pointer to another page: the guest has pages of 4 KiB, the host of 4 KiB",
	.source = "lmbench's lat_mem_rd (McVoy and Staelin 1996), a page per step",
	.needs = loop_needs,
	.setup = setup,
	.run = chase_run,
	.teardown = loop_teardown,
};
