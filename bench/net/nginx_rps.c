/* How much nginx serves. */
#include "bench/measure/work.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct work_load l = {.connections = 8};
	struct work_reply r;

	if (work_load_on(c, &l, &r))
		return -1;
	figure[0] = r.per_second;
	return 0;
}

const struct bench bench_nginx_rps = {
	.name = "nginx.rps",
	.unit = "requests/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows = "a small file from nginx, as often as eight connections get it",
	.source = "our own, as wrk and ab do it",
	.run = run,
};
