/* A Linux guest's syscall, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "null", NULL, figure);
}

const struct bench bench_syscall = {
	.name = "syscall",
	.unit = "writes/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "writes of 4 KiB to /dev/null, nearly nothing but the call",
	.source = "stress-ng --null --verify",
	.run = run,
};
