/* A Linux guest's mem.bandwidth, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "memcpy", NULL, figure);
}

const struct bench bench_mem_bandwidth = {
	.name = "mem.bandwidth",
	.unit = "operations/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "copies of 2 MiB in several ways: bandwidth",
	.source = "stress-ng --memcpy --verify",
	.run = run,
};
