/* A Linux guest's pipe, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "pipe", NULL, figure);
}

const struct bench bench_pipe = {
	.name = "pipe",
	.unit = "messages/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "messages from one process to another through a pipe",
	.source = "stress-ng --pipe --verify",
	.run = run,
};
