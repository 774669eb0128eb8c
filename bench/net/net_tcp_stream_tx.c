/* A stream out of the system. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	if (work_iperf(c, "--reverse", "sum_received", "bits_per_second", figure))
		return -1;
	figure[0] /= 1e6;
	return 0;
}

const struct bench bench_net_tcp_stream_tx = {
	.name = "net.tcp_stream.tx",
	.unit = "Mbit/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows = "one TCP connection out of the system, as fast as it goes",
	.source = "iperf3 --reverse",
	.run = run,
};
