/* Random writes, 32 at a time. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	static const char *const keys[] = {"write", "iops", NULL};
	const struct work_fio f = {.rw = "randwrite", .bs = "4k", .depth = 32};

	return work_fio(c, &f, keys, figure);
}

const struct bench bench_block_randwrite_4k_32 = {
	.name = "block.randwrite.4k.32",
	.unit = "IOPS",
	.higher = true,
	.kinds = SUBJECT_DISK,
	.floor = 0,
	.shows =
		"writes of 4 KiB at random places of the disk, 32 at a time, past the page cache",
	.source = "fio",
	.needs = work_needs_disk,
	.run = run,
};
