/* Small datagrams into the system. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	double sent, lost, seconds;

	if (work_iperf_udp(c, &sent, &lost, &seconds))
		return -1;
	figure[0] = (sent - lost) / seconds;
	return 0;
}

const struct bench bench_net_udp_pps = {
	.name = "net.udp_pps",
	.unit = "packets/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows =
		"datagrams of 64 bytes into the system, sent as fast as one socket can: those that arrive",
	.source = "iperf3 --udp --bitrate 0 --length 64",
	.run = run,
};
