/* Sequential writes. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	static const char *const keys[] = {"write", "bw_bytes", NULL};
	const struct work_fio f = {.rw = "write", .bs = "128k", .depth = 8};

	if (work_fio(c, &f, keys, figure))
		return -1;
	figure[0] /= 1 << 20;
	return 0;
}

const struct bench bench_block_write_128k = {
	.name = "block.write.128k",
	.unit = "MiB/s",
	.higher = true,
	.kinds = SUBJECT_DISK,
	.floor = 0,
	.shows = "writes of 128 KiB one after the other, eight at a time",
	.source = "fio",
	.needs = work_needs_disk,
	.run = run,
};
