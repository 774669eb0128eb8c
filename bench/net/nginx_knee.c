/* Where latency leaves its floor. */
#include "bench/measure/work.h"
#include "lib/err.h"

#define FIRST_RATE 200
#define BEND       10 /* times the p99 of the first rate */
#define KEPT       0.95

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	double rate = FIRST_RATE, first = 0;

	figure[0] = 0;
	for (unsigned int i = 0; i < c->limits->steps && !*c->stop; i++, rate *= 2) {
		const struct work_load l = {.requests = c->limits->requests * (i + 1),
					    .connections = 32,
					    .rate = rate};
		struct work_reply r;

		if (work_load(c, &l, &r))
			return -1;
		first = i ? first : r.p99;
		if (r.p99 > BEND * first || r.per_second < KEPT * rate)
			break;
		figure[0] = rate;
	}
	return figure[0] > 0
		       ? 0
		       : err_set("it cannot keep up with %d requests a second", FIRST_RATE);
}

const struct bench bench_nginx_knee = {
	.name = "nginx.knee",
	.unit = "requests/s",
	.higher = true,
	.kinds = SUBJECT_NETWORK,
	.floor = 0,
	.shows =
		"the highest of the rates 200, 400, 800, ... that nginx keeps up with before p99 is ten times that of the first",
	.source = "open loop, rates doubled",
	.run = run,
};
