/* Many machines asked at the same time: see work.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "bench/measure/work.h"
#include "bench/peers/cpus.h"
#include "lib/err.h"
#include "lib/proc.h"
#include "lib/statistics.h"

#define TIMEOUT_MS 180000
#define STOP_MS    1000
#define LOST_NS    30e9 /* of a request without an answer: strata load's --timeout */

static void samples_path(const struct guest *g, char path[300])
{
	snprintf(path, 300, "%s/samples%u", g->site->folder, g->number);
}

static pid_t start(const struct work_load *l, const struct guest *g)
{
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	char path[300];
	pid_t pid = -1;

	samples_path(g, path);
	opt.netns_fd = g->site->netns;
	opt.cpus = cpus_client();
	opt.own_group = true;
	opt.stdout_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (!work_load_words(l, g->address, &w)) {
		words_add(&w, "--samples=%s", path);
		if (words_argv(&w))
			pid = proc_start(words_argv(&w), &opt);
	}
	words_free(&w);
	close(opt.stdout_fd);
	return pid;
}

/* Latencies of one machine's requests into ns; how many. */
static size_t read_samples(const struct guest *g, double *ns, size_t most)
{
	char path[300], line[512];
	size_t n = 0;
	FILE *f;

	samples_path(g, path);
	f = fopen(path, "re");
	while (f && n < most && fgets(line, sizeof(line), f)) {
		json_t *o = json_loads(line, 0, NULL), *v = json_object_get(o, "latency_ns");

		if (json_is_number(v) && !json_object_get(o, "error"))
			ns[n++] = json_number_value(v);
		json_decref(o);
	}
	if (f)
		fclose(f);
	unlink(path);
	return n;
}

/* All at once: started, and waited for. What is not answered shows in the samples. */
static int run_all(const struct work_load *l, const struct guest *guests, unsigned int count)
{
	pid_t pid[GUESTS_MAX];
	unsigned int started = 0;
	int result = 0, status;

	while (started < count && !result) {
		pid[started] = start(l, &guests[started]);
		result = pid[started] < 0 ? -1 : 0;
		started += !result;
	}
	for (unsigned int i = 0; i < started; i++) {
		if (!result && !proc_wait(pid[i], TIMEOUT_MS, &status))
			continue;
		if (!result)
			result =
				err_set("strata load of machine %u did not end in time", i + 1);
		proc_end(pid[i], SIGTERM, STOP_MS);
	}
	return result;
}

int work_load_many(const struct bench_context *c, const struct work_load *l,
		   const struct guest *guests, unsigned int count, double *p99)
{
	size_t most = (size_t)count * l->requests, n = 0;
	double *ns = calloc(most + 1, sizeof(*ns));
	int result = ns ? run_all(l, guests, count) : err_set("out of memory for samples");

	for (unsigned int i = 0; i < count && ns; i++)
		n += read_samples(&guests[i], ns + n, most - n);
	if (!result && *c->stop)
		result = err_set("interrupted");
	if (!result && !n)
		result = err_set("no request to %u machines was answered", count);
	while (!result && n < most)
		ns[n++] = LOST_NS;
	if (!result)
		*p99 = statistics_quantile(ns, n, 0.99);
	free(ns);
	return result;
}
