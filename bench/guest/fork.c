/* A Linux guest's fork, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "fork", NULL, figure);
}

const struct bench bench_fork = {
	.name = "fork",
	.unit = "forks/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "processes made and waited for",
	.source = "stress-ng --fork --verify",
	.run = run,
};
