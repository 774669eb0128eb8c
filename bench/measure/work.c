/* Asking systems for figures: see work.h. */
#include "bench/measure/work.h"

#include <stdio.h>

#include "bench/measure/ask.h"
#include "lib/err.h"
#include "lib/paths.h"

#define CONNECTIONS   8
#define REQUESTS_MOST 1000000
#define RAMP          4 /* a part of a disk run goes before it */

/* ---- nginx ---- */

int work_load_words(const struct work_load *l, const char *address, struct words *w)
{
	char path[PATH_MAX];

	if (path_program(path, sizeof(path), "strata-load"))
		return -1;
	words_add(w, "%s", path);
	words_split(w, "--json --timeout 30 --wait 30 --requests");
	words_add(w, "%u", l->requests);
	words_add(w, "--connections");
	words_add(w, "%u", l->connections);
	if (l->rate > 0) {
		words_add(w, "--rate");
		words_add(w, "%g", l->rate);
	}
	if (l->fresh)
		words_add(w, "--new");
	words_add(w, "http://%s/", address);
	return 0;
}

static json_t *load(const struct bench_context *c, const struct work_load *l)
{
	struct words w = {0};

	return work_load_words(l, c->guest->address, &w)
		       ? NULL
		       : ask_program(c->guest->site->netns, &w);
}

int work_load(const struct bench_context *c, const struct work_load *l, struct work_reply *r)
{
	json_t *document = load(c, l);
	int result = -1;

	if (document &&
	    !ask_dig(document, (const char *[]){"requests_per_second", NULL}, &r->per_second) &&
	    !ask_dig(document, (const char *[]){"latency_ns", "p50", NULL}, &r->p50) &&
	    !ask_dig(document, (const char *[]){"latency_ns", "p99", NULL}, &r->p99) &&
	    !ask_dig(document, (const char *[]){"latency_ns", "p99.9", NULL}, &r->p99_9))
		result = 0;
	json_decref(document);
	return result;
}

int work_load_on(const struct bench_context *c, const struct work_load *l, struct work_reply *r)
{
	struct work_load some = *l;
	double enough;

	some.requests = c->limits->requests / 2;
	if (work_load(c, &some, r))
		return -1;
	enough = r->per_second * c->limits->seconds;
	some.requests = enough < some.requests   ? some.requests
			: enough > REQUESTS_MOST ? REQUESTS_MOST
						 : (unsigned int)enough;
	return work_load(c, &some, r);
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

	words_split(&w, "iperf3 --json --connect-timeout 10000 -t");
	words_add(&w, "%u", c->limits->seconds);
	words_add(&w, "-c");
	words_add(&w, "%s", c->guest->address);
	words_split(&w, words);
	return ask_program(c->guest->site->netns, &w);
}

int work_iperf(const struct bench_context *c, const char *words, const char *sum,
	       const char *key, double *value)
{
	char all[64];
	json_t *document;
	int result;

	/* TCP's start is left out, where there is time for it. */
	snprintf(all, sizeof(all), "%s%s", c->limits->seconds > 1 ? "--omit 1 " : "", words);
	document = iperf(c, all);
	result = document ? ask_dig(document, (const char *[]){"end", sum, key, NULL}, value)
			  : -1;

	json_decref(document);
	return result;
}

int work_iperf_udp(const struct bench_context *c, double *sent, double *lost, double *seconds)
{
	json_t *document = iperf(c, "--udp --bitrate 0 --length 64");
	int result = -1;

	if (document &&
	    !ask_dig(document, (const char *[]){"end", "sum", "packets", NULL}, sent) &&
	    !ask_dig(document, (const char *[]){"end", "sum", "lost_packets", NULL}, lost) &&
	    !ask_dig(document, (const char *[]){"end", "sum", "seconds", NULL}, seconds))
		result = *sent > *lost && *seconds > 0 ? 0 : err_set("no datagram arrived");
	json_decref(document);
	return result;
}

/* ---- fio ---- */

int work_needs_disk(const struct bench_context *c)
{
	const struct guest *g = c->guest;

	return g->monitor && g->mode == &g->monitor->mode[MODE_PASSTHROUGH] &&
			       !(*g->plan.drive && g->mode->drive)
		       ? err_set("no NVMe drive is passed through (--drive PCI)")
		       : 0;
}

/* In a machine by way of its web server; on this kernel, on the same file of the host that is a
 * machine's disk. What fio is told is the same: scenarios/guest/tools/fio.cgi. */
static json_t *fio(const struct bench_context *c, const struct work_fio *f)
{
	struct words w = {0};

	if (c->guest->monitor) {
		words_split(&w, "curl --silent --show-error --fail --max-time 120");
		words_add(
			&w,
			"http://%s:8080/cgi-bin/fio?rw=%s&bs=%s&depth=%u&ms=%u&ramp=%u&fsync=%d",
			c->guest->address, f->rw, f->bs, f->depth, c->limits->disk_ms,
			c->limits->disk_ms / RAMP, f->fsync);
		return ask_program(c->guest->site->netns, &w);
	}
	words_split(&w, "fio --name=measure --direct=1 --ioengine=libaio --time_based "
			"--output-format=json");
	words_add(&w, "--filename=%s/disk", c->guest->site->folder);
	words_add(&w, "--rw=%s", f->rw);
	words_add(&w, "--bs=%s", f->bs);
	words_add(&w, "--iodepth=%u", f->depth);
	words_add(&w, "--runtime=%ums", c->limits->disk_ms);
	words_add(&w, "--ramp_time=%ums", c->limits->disk_ms / RAMP);
	words_add(&w, "--fsync=%d", f->fsync);
	return ask_program(-1, &w);
}

int work_fio(const struct bench_context *c, const struct work_fio *f, const char *const *keys,
	     double *value)
{
	json_t *document = fio(c, f);
	const json_t *jobs = json_object_get(document, "jobs");
	int result = document ? ask_dig(json_array_get(jobs, 0), keys, value) : -1;

	json_decref(document);
	return result;
}
