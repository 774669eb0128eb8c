/* A Linux guest's context_switch, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "switch", NULL, figure);
}

const struct bench bench_context_switch = {
	.name = "context_switch",
	.unit = "switches/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "two processes that wake each other through a pipe",
	.source = "stress-ng --switch --verify",
	.run = run,
};
