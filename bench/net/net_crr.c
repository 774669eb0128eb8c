/* Connections, each for one request. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct work_load l = {.connections = 1, .fresh = true};
	struct work_reply r;

	if (work_load_on(c, &l, &r))
		return -1;
	figure[0] = r.per_second;
	return 0;
}

const struct bench bench_net_crr = {
	.name = "net.crr",
	.unit = "transactions/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows = "connect, request, reply, close, one after the other",
	.source = "netperf TCP_CRR, with HTTP",
	.run = run,
};
