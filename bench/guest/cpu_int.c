/* A Linux guest's cpu.int, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "cpu", "int64", figure);
}

const struct bench bench_cpu_int = {
	.name = "cpu.int",
	.unit = "operations/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "a mix of 64-bit integer arithmetic",
	.source = "stress-ng --cpu --cpu-method int64 --verify",
	.run = run,
};
