/* Random reads, 32 at a time. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	static const char *const keys[] = {"read", "iops", NULL};
	const struct work_fio f = {.rw = "randread", .bs = "4k", .depth = 32};

	return work_fio(c, &f, keys, figure);
}

const struct bench bench_block_randread_4k_32 = {
	.name = "block.randread.4k.32",
	.unit = "IOPS",
	.higher = true,
	.kinds = SUBJECT_DISK,
	.floor = 0,
	.shows =
		"reads of 4 KiB at random places of the disk, 32 at a time, past the page cache",
	.source = "fio",
	.needs = work_needs_disk,
	.run = run,
};
