/* nginx answering at a fixed rate, whether it keeps up or not. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_latency(c, 100, figure);
}

const struct bench bench_nginx_latency_100 = {
	.name = "nginx.latency.100",
	.figures = {"p50", "p99", "p99.9"},
	.unit = "ns",
	.kinds = SUBJECT_NETWORK,
	.floor = 5000,
	.shows =
		"a small file from nginx at 100 requests a second, open loop over eight connections, timed from when each should have been sent",
	.source = "open loop: Schroeder, Wierman and Harchol-Balter 2006, Open Versus Closed",
	.run = run,
};
