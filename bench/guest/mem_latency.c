/* A Linux guest's mem.latency, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "randlist", NULL, figure);
}

const struct bench bench_mem_latency = {
	.name = "mem.latency",
	.unit = "walks/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "walks of lists whose elements lie anywhere: latency",
	.source = "stress-ng --randlist --verify",
	.run = run,
};
