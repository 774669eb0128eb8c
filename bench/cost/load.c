/* wrk: see load.h. */
#include "bench/cost/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/err.h"
#include "lib/proc.h"
#include "lib/threads.h"
#include "lib/words.h"

#define SATURATING      16 /* connections */
#define THINK_MS        4  /* on average; wrk knows whole milliseconds */
#define CONNECTIONS_MAX 1000
#define GRACE_MS        10000

/* Functions that wrk calls per request are only in the script that needs one. */
static const char done[] =
	"done = function(summary, latency, requests)\n"
	"	local e = summary.errors\n"
	"	io.write(string.format('strata %d %d %d %d %d\\n', summary.requests, summary.duration,\n"
	"		latency:percentile(50), latency:percentile(99),\n"
	"		e.connect + e.read + e.write + e.status))\n"
	"end\n";
static const char think[] = "delay = function() return math.random(0, %d) end\n";

int load_prepare(const struct site *s)
{
	char path[300];
	FILE *f;

	for (int thinks = 0; thinks < 2; thinks++) {
		snprintf(path, sizeof(path), "%s/%s.lua", s->folder,
			 thinks ? "half" : "saturate");
		f = fopen(path, "we");
		if (!f || fputs(done, f) < 0 ||
		    (thinks && fprintf(f, think, 2 * THINK_MS) < 0) || fclose(f))
			return err_errno("write %s", path);
	}
	return 0;
}

static double children_cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return 1e9 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       1e3 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int parse(const char *text, struct load_result *r)
{
	const char *line = strstr(text, "strata ");
	unsigned long long requests, us, errors, p50, p99;

	if (!line || sscanf(line, "strata %llu %llu %llu %llu %llu", &requests, &us, &p50, &p99,
			    &errors) != 5)
		return err_set("wrk said nothing of its result: %.200s", text);
	if (errors || !requests)
		return err_set("wrk: %llu of %llu requests failed", errors, requests);
	*r = (struct load_result){.requests = requests,
				  .seconds = (double)us / 1e6,
				  .p50_us = (double)p50,
				  .p99_us = (double)p99};
	return 0;
}

int load_run(const struct site *s, unsigned int seconds, unsigned int connections,
	     struct load_result *r)
{
	struct proc_options opt = PROC_DEFAULTS;
	double before = children_cpu_ns() + (double)threads_ran_ns(s->nginx);
	struct words w = {0};
	char *out = NULL;
	int result;

	words_split(&w, "wrk -t1");
	words_add(&w, "-c%u", connections ? connections : SATURATING);
	words_add(&w, "-d%us", seconds);
	words_add(&w, "-s");
	words_add(&w, "%s/%s.lua", s->folder, connections ? "half" : "saturate");
	words_add(&w, SITE_URL);
	opt.netns_fd = s->client;
	result = words_argv(&w)
			 ? proc_run(words_argv(&w), &opt, (int)seconds * 1000 + GRACE_MS, &out)
			 : -1;
	words_free(&w);
	if (!result)
		result = parse(out, r);
	if (!result)
		r->cpu_ns = (children_cpu_ns() + (double)threads_ran_ns(s->nginx) - before) /
			    (double)r->requests;
	free(out);
	return result;
}

unsigned int load_half(const struct load_result *r)
{
	double rate = (double)r->requests / r->seconds / 2;
	unsigned int connections = (unsigned int)(rate * THINK_MS / 1000 + 0.5);

	if (connections < SATURATING)
		return SATURATING;
	return connections < CONNECTIONS_MAX ? connections : CONNECTIONS_MAX;
}
