/* Where latency leaves its floor. */
#include "bench/measure/work.h"

#define FIRST_RATE 100
#define BEND       10 /* times the p99 of the first rate */
#define KEPT       0.95

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	double rate = FIRST_RATE, first = 0;

	for (unsigned int i = 0; i < c->limits->steps && !*c->stop; i++, rate *= 2) {
		const struct work_load l = {.requests = c->limits->requests * (i + 1),
					    .connections = 32,
					    .rate = rate};
		struct work_reply r;

		if (work_load(c, &l, &r))
			return -1;
		/* What does not even keep up with the first serves what it serves. */
		if (!i)
			figure[0] = r.per_second;
		first = i ? first : r.p99;
		if (r.p99 > BEND * first || r.per_second < KEPT * rate)
			break;
		figure[0] = rate;
	}
	return 0;
}

const struct bench bench_nginx_knee = {
	.name = "nginx.knee",
	.unit = "requests/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows =
		"the highest of the rates 100, 200, 400, ... that nginx keeps up with before p99 is ten times that of the first; what it serves, if it keeps up with none",
	.source = "open loop, rates doubled",
	.run = run,
};
