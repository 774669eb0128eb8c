/* A Linux guest's cpu.float, beside this kernel's. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_stress(c, "cpu", "double", figure);
}

const struct bench bench_cpu_float = {
	.name = "cpu.float",
	.unit = "operations/s",
	.higher = true,
	.kinds = SUBJECT_WORK,
	.shows = "a mix of double-precision arithmetic",
	.source = "stress-ng --cpu --cpu-method double --verify",
	.run = run,
};
