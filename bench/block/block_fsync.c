/* A write made durable. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	static const char *const keys[] = {"sync", "lat_ns", "percentile", "50.000000", NULL};
	const struct work_fio f = {.rw = "randwrite", .bs = "4k", .depth = 1, .fsync = true};

	return work_fio(c, &f, keys, figure);
}

const struct bench bench_block_fsync = {
	.name = "block.fsync",
	.unit = "ns",
	.kinds = SUBJECT_DISK,
	.floor = 2000,
	.shows = "fsync after a write of 4 KiB: the median",
	.source = "fio --fsync=1",
	.needs = work_needs_disk,
	.run = run,
};
