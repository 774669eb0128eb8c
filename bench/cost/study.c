/* Rounds in random order: see study.h. */
#include "bench/cost/study.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/cost/join.h"
#include "bench/cost/load.h"
#include "bench/cost/storm.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "lib/random.h"
#include "lib/threads.h"

const struct figure figures[FIGURES] = {
	[SATURATION_THROUGHPUT] = {"saturation.throughput", "requests/s",
				   "wrk, 16 connections, as fast as they go", true, true,
				   PART_LOAD},
	[SATURATION_CPU] = {"saturation.cpu", "ns/request",
			    "CPU time of wrk and nginx, and of what the kernel does for them",
			    false, true, PART_LOAD},
	[SATURATION_OBSERVER] = {"saturation.observer", "ns/request",
				 "CPU time of the observer's own process", false, false,
				 PART_LOAD},
	[HALF_THROUGHPUT] = {"half.throughput", "requests/s",
			     "wrk, connections that think, asking for half of that", true,
			     false, PART_LOAD},
	[HALF_P50] = {"half.p50", "us", "latency then, as wrk sees it", false, true, PART_LOAD},
	[HALF_P99] = {"half.p99", "us", "latency then, as wrk sees it", false, true, PART_LOAD},
	[HALF_CPU] = {"half.cpu", "ns/request", "as saturation.cpu", false, true, PART_LOAD},
	[LOST] = {"lost", "events", "under both loads, as strata counts them", false, false,
		  PART_LOAD},
	[COLLECT_RATE] = {"collect.rate", "events/s", "of a storm into the rings of one CPU",
			  true, false, PART_COLLECT},
	[COLLECT_CPU] = {"collect.cpu", "ns/event", "CPU time of the tracer meanwhile", false,
			 false, PART_COLLECT},
	[COLLECT_CORE] = {"collect.core", "of 1", "... as a share of the one core that it has",
			  false, false, PART_COLLECT},
	[COLLECT_BYTES] = {"collect.bytes", "B/event", "of the recording", false, false,
			   PART_COLLECT},
	[COLLECT_LOST] = {"collect.lost", "events", "that are not in the recording", false,
			  false, PART_COLLECT},
	[JOIN_RATE] = {"join.rate", "events/s", "strata trace --read, start to end", true,
		       false, PART_JOIN},
	[JOIN_CPU] = {"join.cpu", "ns/event", "its CPU time", false, false, PART_JOIN},
	[JOIN_MEMORY] = {"join.memory", "MiB", "the most that it holds", false, false,
			 PART_JOIN},
	[JOIN_MEMORY_TENTH] = {"join.memory_tenth", "MiB", "... for a tenth of the events",
			       false, false, PART_JOIN},
};

const struct aim aims[] = {
	{SATURATION_THROUGHPUT, "strata", true, -0.05},
	{SATURATION_THROUGHPUT, "strata-sample-16", true, -0.01},
	{HALF_P99, "strata", true, 0.06},
	{LOST, "strata", false, 0},
	{COLLECT_RATE, "strata", false, 990000},
	{COLLECT_LOST, "strata", false, 0},
	{JOIN_RATE, "strata", false, 2000000},
};

const unsigned int aim_count = sizeof(aims) / sizeof(*aims);

static bool in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	return !list;
}

/* Nobody and strata come first, and are always there: others are compared with the one, and the
 * other has what nobody else does. */
static void plan(struct study *s)
{
	for (unsigned int i = 0; i < observer_count && i < ARMS_MAX; i++) {
		struct arm *a = &s->arm[s->arms];
		const char *why = observer_missing(&observers[i]);

		if (i > 1 && !in_list(s->options->observers, observers[i].name))
			continue;
		s->arms++;
		a->observer = &observers[i];
		snprintf(a->skipped, sizeof(a->skipped), "%s", why ? why : "");
		for (unsigned int k = 0; k < FIGURES * ROUNDS_MAX; k++)
			a->value[k / ROUNDS_MAX][k % ROUNDS_MAX] = NAN;
	}
}

/* Strata's own arm, which has what is not compared with others. */
static struct arm *own_arm(struct study *s)
{
	return &s->arm[1];
}

/* ---- the load, observed ---- */

static int measure_load(struct study *s, struct arm *a, struct watch *w, unsigned int round)
{
	unsigned int seconds = s->options->seconds;
	struct load_result full, half;
	uint64_t before, observer;

	/* connections, caches, and observers that adapt to what they see */
	if (load_run(&s->site, 1, 0, &full))
		return -1;
	before = w->pid ? threads_ran_ns(w->pid) : 0;
	if (load_run(&s->site, seconds, 0, &full))
		return -1;
	observer = w->pid ? threads_ran_ns(w->pid) - before : 0;
	if (!s->half_connections)
		s->half_connections = load_half(&full);
	if (load_run(&s->site, seconds, s->half_connections, &half))
		return -1;
	a->value[SATURATION_THROUGHPUT][round] = (double)full.requests / full.seconds;
	a->value[SATURATION_CPU][round] = full.cpu_ns;
	if (w->pid)
		a->value[SATURATION_OBSERVER][round] = (double)observer / (double)full.requests;
	a->value[HALF_THROUGHPUT][round] = (double)half.requests / half.seconds;
	a->value[HALF_P50][round] = half.p50_us;
	a->value[HALF_P99][round] = half.p99_us;
	a->value[HALF_CPU][round] = half.cpu_ns;
	return 0;
}

static void observe(struct study *s, struct arm *a, unsigned int round)
{
	struct observed seen;
	struct watch w;
	int failed = observer_start(&w, a->observer, &s->site);

	if (!failed) {
		failed = measure_load(s, a, &w, round);
		if (failed)
			snprintf(a->failed, sizeof(a->failed), "%s", err_text());
	}
	if (observer_stop(&w, &s->site, &seen))
		failed = -1;
	else if (!failed && a->observer->strata)
		a->value[LOST][round] = (double)seen.lost;
	if (failed && !*a->failed)
		snprintf(a->failed, sizeof(a->failed), "%s", err_text());
}

static void load_round(struct study *s, unsigned int round, struct random *r)
{
	unsigned int order[ARMS_MAX];

	random_order(r, order, s->arms);
	for (unsigned int i = 0; i < s->arms && !*s->stop; i++) {
		struct arm *a = &s->arm[order[i]];

		if (*a->skipped)
			continue;
		progress("round %u of %u: %s", round + 1, s->options->rounds,
			 a->observer->name);
		observe(s, a, round);
	}
}

/* The first of all is not counted: it warms up, and says what half of saturation is. */
static int run_load(struct study *s, struct random *r)
{
	struct load_result full;

	progress("nginx and wrk");
	if (site_serve(&s->site) || load_prepare(&s->site) || load_run(&s->site, 1, 0, &full))
		return -1;
	s->half_connections = load_half(&full);
	for (unsigned int i = 0; i < s->options->rounds && !*s->stop; i++) {
		load_round(s, i, r);
		s->rounds_done = i + 1;
	}
	return 0;
}

static int run_programs(struct study *s)
{
	progress("each program by itself");
	return programs_run(&s->site, s->options->seconds, &s->programs);
}

/* ---- the collector, and the join ---- */

static int run_collect(struct study *s)
{
	struct arm *a = own_arm(s);

	for (unsigned int i = 0; i < s->options->rounds && !*s->stop; i++) {
		struct storm_result r;

		progress("storm %u of %u: %u events a second", i + 1, s->options->rounds,
			 s->options->storm_rate);
		if (storm_run(&s->site, s->options->seconds, s->options->storm_rate, &r))
			return -1;
		a->value[COLLECT_RATE][i] = r.rate;
		a->value[COLLECT_CPU][i] = r.cpu_ns;
		a->value[COLLECT_CORE][i] = r.core;
		a->value[COLLECT_BYTES][i] = r.bytes;
		a->value[COLLECT_LOST][i] = (double)r.lost;
	}
	return 0;
}

static int join_rounds(struct study *s, const char *whole, const char *tenth)
{
	struct arm *a = own_arm(s);

	for (unsigned int i = 0; i < s->options->rounds && !*s->stop; i++) {
		struct join_result r, small;

		progress("join %u of %u", i + 1, s->options->rounds);
		if (join_run(whole, &r) || join_run(tenth, &small))
			return -1;
		a->value[JOIN_RATE][i] = r.rate;
		a->value[JOIN_CPU][i] = r.cpu_ns;
		a->value[JOIN_MEMORY][i] = r.mib;
		a->value[JOIN_MEMORY_TENTH][i] = small.mib;
	}
	return 0;
}

static int run_join(struct study *s)
{
	char whole[300], tenth[300];
	uint64_t events = s->options->join_events;
	int result;

	snprintf(whole, sizeof(whole), "%s/whole.strata", s->site.folder);
	snprintf(tenth, sizeof(tenth), "%s/tenth.strata", s->site.folder);
	progress("a recording of %llu events", (unsigned long long)events);
	result = join_prepare(whole, events) || join_prepare(tenth, events / 10)
			 ? -1
			 : join_rounds(s, whole, tenth);
	unlink(whole);
	unlink(tenth);
	return result;
}

int study_run(struct study *s, const struct study_options *o, const char *folder)
{
	struct random r;
	int result;

	s->options = o;
	s->site = (struct site){.client = -1, .host = -1, .server = -1, .stop = s->stop};
	random_seed(&r, o->seed);
	plan(s);
	result = site_open(&s->site, folder);
	if (!result && o->parts & PART_LOAD)
		result = run_load(s, &r);
	if (!result && o->parts & PART_LOAD && !*s->stop && run_programs(s))
		snprintf(s->programs_failed, sizeof(s->programs_failed), "%s", err_text());
	if (!result && o->parts & PART_COLLECT && !*s->stop && run_collect(s))
		snprintf(s->collect_failed, sizeof(s->collect_failed), "%s", err_text());
	if (!result && o->parts & PART_JOIN && !*s->stop && run_join(s))
		snprintf(s->join_failed, sizeof(s->join_failed), "%s", err_text());
	site_close(&s->site);
	return result;
}

unsigned int study_values(const struct study *s, const struct arm *a, enum figure_id f,
			  double v[ROUNDS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->options->rounds; i++)
		if (!isnan(a->value[f][i]))
			v[n++] = a->value[f][i];
	return n;
}

unsigned int study_changes(const struct study *s, const struct arm *a, enum figure_id f,
			   double v[ROUNDS_MAX])
{
	const double *base = s->arm[0].value[f], *with = a->value[f];
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->options->rounds; i++)
		if (!isnan(base[i]) && !isnan(with[i]) && base[i] > 0)
			v[n++] = with[i] / base[i] - 1;
	return n;
}
