/* Round trips that ping(8) times: see work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/work.h"
#include "bench/peers/cpus.h"
#include "lib/err.h"
#include "lib/proc.h"
#include "lib/statistics.h"

#define TIMEOUT_MS 60000
#define WARM_UP    10
#define LOST_MAX   0.01

/* "64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.045 ms" */
static size_t read_times(char *text, double *ns, size_t most)
{
	size_t n = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line && n < most;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *time = strstr(line, "time=");

		if (time)
			ns[n++] = strtod(time + 5, NULL) * 1e6;
	}
	return n;
}

int work_ping(const struct bench_context *c, double figure[FIGURES_MAX])
{
	size_t wanted = WARM_UP + c->limits->requests, n = 0;
	struct proc_options opt = PROC_DEFAULTS;
	double *ns = calloc(wanted, sizeof(*ns));
	char count[16], *text = NULL;
	const char *const argv[] = {"ping", "-n", "-i",  "0.002",           "-W",
				    "5",    "-c", count, c->guest->address, NULL};
	int result = -1;

	snprintf(count, sizeof(count), "%zu", wanted);
	opt.netns_fd = c->guest->site->netns;
	opt.cpus = cpus_client();
	if (ns && !proc_run(argv, &opt, TIMEOUT_MS, &text)) {
		n = read_times(text, ns, wanted);
		result = (double)n < (double)wanted * (1 - LOST_MAX) || n <= WARM_UP
				 ? err_set("ping: %zu of %zu came back", n, wanted)
				 : 0;
	}
	if (!result) {
		figure[0] = statistics_quantile(ns + WARM_UP, n - WARM_UP, 0.5);
		figure[1] = statistics_quantile(ns + WARM_UP, n - WARM_UP, 0.99);
		figure[2] = statistics_quantile(ns + WARM_UP, n - WARM_UP, 0.999);
	}
	free(text);
	free(ns);
	return result;
}
