/* A machine on its way up. */
#include "bench/measure/work.h"
#include "lib/err.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	figure[0] = (double)c->guest->ready_ns;
	return c->guest->ready_ns < 0 ? err_set("it was not seen") : 0;
}

const struct bench bench_boot_nginx = {
	.name = "boot.nginx",
	.unit = "ns",
	.kinds = SUBJECT_BOOT,
	.floor = 1000000,
	.shows =
		"from just before the monitor's process is made until nginx in the guest listens",
	.source = "our own",
	.run = run,
};
