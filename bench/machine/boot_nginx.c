/* A machine on its way up. */
#include "bench/measure/work.h"
#include "lib/err.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct guest *g = c->guest;
	bool wired = g->mode != &g->monitor->mode[MODE_NONE];

	figure[0] = (double)(wired ? g->answered_ns : g->ready_ns);
	return figure[0] < 0 ? err_set("it was not seen") : 0;
}

const struct bench bench_boot_nginx = {
	.name = "boot.nginx",
	.unit = "ns",
	.kinds = SUBJECT_MACHINE,
	.floor = 1000000,
	.shows =
		"from just before the monitor's process is made to nginx's first answer; without a network card, until nginx says that it listens",
	.source = "our own",
	.run = run,
};
