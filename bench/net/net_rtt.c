/* There and back, answered by the kernel. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return work_ping(c, figure);
}

const struct bench bench_net_rtt = {
	.name = "net.rtt",
	.figures = {"p50", "p99", "p99.9"},
	.unit = "ns",
	.kinds = SUBJECT_NETWORK,
	.floor = 2000,
	.shows = "an echo request answered by the system's kernel, one every two milliseconds",
	.source = "ping -i 0.002",
	.run = run,
};
