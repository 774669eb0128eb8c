/* A machine on its way up. */
#include "bench/measure/work.h"
#include "lib/err.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	figure[0] = (double)c->guest->init_ns;
	return c->guest->init_ns < 0 ? err_set("it was not seen") : 0;
}

const struct bench bench_boot_init = {
	.name = "boot.init",
	.unit = "ns",
	.kinds = SUBJECT_BOOT,
	.floor = 1000000,
	.shows = "from just before the monitor's process is made to the guest's first process",
	.source = "our own",
	.run = run,
};
