/* A Linux guest's fork_exec, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "exec", NULL, figure);
}

const struct bench bench_fork_exec = {
	.name = "fork_exec",
	.unit = "programs/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "processes made that execute another program and end; as an ordinary user",
	.source = "stress-ng --exec --verify",
	.run = run,
};
