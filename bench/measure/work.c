/* Asking systems for figures: see work.h. */
#include "bench/measure/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define TIMEOUT_MS  180000
#define CONNECTIONS 8

/* Run a program in that namespace; its JSON, the caller's. NULL with a sentence. */
static json_t *ask(int netns, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	const char *const *argv = words_argv(w);
	json_t *answer = NULL;
	json_error_t why;
	char *text = NULL;

	opt.netns_fd = netns;
	if (argv && !proc_run(argv, &opt, TIMEOUT_MS, &text)) {
		answer = json_loads(text, JSON_DISABLE_EOF_CHECK, &why);
		if (!answer)
			err_set("%s: its answer is no JSON: %s", argv[0], why.text);
	}
	free(text);
	words_free(w);
	return answer;
}

/* A number deep in a document: its keys, and a list's first element at "". */
static int dig(json_t *document, const char *const *keys, double *value)
{
	const json_t *at = document;

	for (; at && *keys; keys++)
		at = json_is_array(at) ? json_array_get(at, 0) : json_object_get(at, *keys);
	if (!json_is_number(at))
		return err_set("the answer has no such figure");
	*value = json_number_value(at);
	return 0;
}

/* ---- nginx ---- */

static json_t *load(const struct bench_context *c, const struct work_load *l)
{
	struct words w = {0};
	char path[PATH_MAX];

	if (path_program(path, sizeof(path), "strata-load"))
		return NULL;
	words_add(&w, "%s", path);
	words_split(&w, "--json --timeout 30 --wait 30 --requests");
	words_add(&w, "%u", l->requests);
	words_add(&w, "--connections");
	words_add(&w, "%u", l->connections);
	if (l->rate > 0) {
		words_add(&w, "--rate");
		words_add(&w, "%g", l->rate);
	}
	if (l->fresh)
		words_add(&w, "--new");
	words_add(&w, "http://" GUEST_ADDRESS "/");
	return ask(c->guest->site->netns, &w);
}

int work_load(const struct bench_context *c, const struct work_load *l, struct work_reply *r)
{
	json_t *document = load(c, l);
	int result = -1;

	if (document &&
	    !dig(document, (const char *[]){"requests_per_second", NULL}, &r->per_second) &&
	    !dig(document, (const char *[]){"latency_ns", "p50", NULL}, &r->p50) &&
	    !dig(document, (const char *[]){"latency_ns", "p99", NULL}, &r->p99) &&
	    !dig(document, (const char *[]){"latency_ns", "p99.9", NULL}, &r->p99_9))
		result = 0;
	json_decref(document);
	return result;
}

int work_latency(const struct bench_context *c, double rate, double figure[FIGURES_MAX])
{
	const struct work_load l = {
		.requests = c->limits->requests, .connections = CONNECTIONS, .rate = rate};
	struct work_reply r;

	if (work_load(c, &l, &r))
		return -1;
	figure[0] = r.p50;
	figure[1] = r.p99;
	figure[2] = r.p99_9;
	return 0;
}

/* ---- iperf3 ---- */

static json_t *iperf(const struct bench_context *c, const char *words)
{
	struct words w = {0};

	words_split(&w, "iperf3 --json --connect-timeout 10000 -c " GUEST_ADDRESS " -t");
	words_add(&w, "%u", c->limits->seconds);
	words_split(&w, words);
	return ask(c->guest->site->netns, &w);
}

int work_iperf(const struct bench_context *c, const char *words, const char *sum,
	       const char *key, double *value)
{
	json_t *document = iperf(c, words);
	int result =
		document ? dig(document, (const char *[]){"end", sum, key, NULL}, value) : -1;

	json_decref(document);
	return result;
}

int work_iperf_udp(const struct bench_context *c, double *sent, double *lost, double *seconds)
{
	json_t *document = iperf(c, "--udp --bitrate 0 --length 64");
	int result = -1;

	if (document && !dig(document, (const char *[]){"end", "sum", "packets", NULL}, sent) &&
	    !dig(document, (const char *[]){"end", "sum", "lost_packets", NULL}, lost) &&
	    !dig(document, (const char *[]){"end", "sum", "seconds", NULL}, seconds))
		result = *sent > *lost && *seconds > 0 ? 0 : err_set("no datagram arrived");
	json_decref(document);
	return result;
}

/* ---- fio ---- */

/* In a machine by way of its web server; on this kernel, on the same file of the host that is a
 * machine's disk. What fio is told is the same: scenarios/guest/tools/fio.cgi. */
static json_t *fio(const struct bench_context *c, const struct work_fio *f)
{
	struct words w = {0};

	if (c->guest->monitor) {
		words_split(&w, "curl --silent --show-error --fail --max-time 120");
		words_add(&w,
			  "http://" GUEST_ADDRESS
			  ":8080/cgi-bin/fio?rw=%s&bs=%s&depth=%u&seconds=%u&fsync=%d",
			  f->rw, f->bs, f->depth, c->limits->seconds, f->fsync);
		return ask(c->guest->site->netns, &w);
	}
	words_split(&w, "fio --name=measure --direct=1 --ioengine=libaio --time_based "
			"--ramp_time=0.3 --output-format=json");
	words_add(&w, "--filename=%s/disk", c->guest->site->folder);
	words_add(&w, "--rw=%s", f->rw);
	words_add(&w, "--bs=%s", f->bs);
	words_add(&w, "--iodepth=%u", f->depth);
	words_add(&w, "--runtime=%u", c->limits->seconds);
	words_add(&w, "--fsync=%d", f->fsync);
	return ask(-1, &w);
}

int work_fio(const struct bench_context *c, const struct work_fio *f, const char *const *keys,
	     double *value)
{
	json_t *document = fio(c, f);
	const json_t *jobs = json_object_get(document, "jobs");
	int result = document ? dig(json_array_get(jobs, 0), keys, value) : -1;

	json_decref(document);
	return result;
}
