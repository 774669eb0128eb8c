/* A session written down: see document.h. */
#include "bench/suite/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/suite/beside.h"
#include "bench/suite/judge.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/finite.h"
#include "lib/statistics.h"

static json_t *text(const char *t)
{
	return t && *t ? json_string(t) : json_null();
}

/* The samples that there are, and for each its round and whether it is a twin. */
struct collected {
	double value[ROUNDS_MAX];
	bool twin[ROUNDS_MAX];
	size_t n;
	json_t *samples, *rounds, *twins;
};

static void collect(struct collected *c, const struct session *s, const struct task *t,
		    unsigned int figure)
{
	*c = (struct collected){
		.samples = json_array(), .rounds = json_array(), .twins = json_array()};
	for (unsigned int r = 0; r < ROUNDS_MAX; r++) {
		if (isnan(t->value[figure][r]))
			continue;
		c->value[c->n] = t->value[figure][r];
		c->twin[c->n++] = s->twin[r];
		json_array_append_new(c->samples, json_real(t->value[figure][r]));
		json_array_append_new(c->rounds, json_integer(r));
		json_array_append_new(c->twins, json_boolean(s->twin[r]));
	}
}

static json_t *outliers(const struct collected *c)
{
	json_t *list = json_array();
	bool out[ROUNDS_MAX];

	statistics_outliers(c->value, c->n, out);
	for (size_t i = 0; i < c->n; i++)
		if (out[i])
			json_array_append_new(list, json_integer((json_int_t)i));
	return list;
}

static json_t *noise_json(struct collected *c, struct random *r)
{
	struct result x = {.value = c->value, .twin = c->twin, .n = c->n};
	struct noise noise = judge_noise(&x, r);

	return json_pack("{s:o,s:o,s:o}", "twins", json_finite(noise.twins), "drift",
			 json_finite(noise.drift), "p", json_finite(noise.p));
}

static json_t *result_json(const struct session *s, const struct task *t, unsigned int figure)
{
	const struct bench *b = t->bench;
	struct interval ci;
	struct collected c;
	struct random r;
	char name[128];

	snprintf(name, sizeof(name), "%s%s%s", b->name, b->figures[0] ? "." : "",
		 b->figures[0] ? b->figures[figure] : "");
	collect(&c, s, t, figure);
	random_seed(&r, s->options->seed);
	ci = statistics_median_interval(c.value, c.n, &r);
	return json_pack(
		"{s:s,s:s,s:o,s:s,s:s,s:s,s:f,s:i,s:i,s:o,s:[o,o],s:o,s:o,s:o,s:o,"
		"s:o,s:I,s:o,s:o,s:s,s:s}",
		"name", name, "mode", t->subject->name, "monitor", text(t->subject->monitor),
		"where", environment_is_testbed() ? "testbed" : "here", "unit", b->unit,
		"better", b->higher ? "higher" : "lower", "floor", b->floor, "asked",
		(int)session_rounds(s, t->subject), "n", (int)c.n, "median",
		json_finite(statistics_median(c.value, c.n)), "ci95", json_finite(ci.low),
		json_finite(ci.high), "samples", c.samples, "rounds", c.rounds, "twin", c.twins,
		"outliers", outliers(&c), "noise", noise_json(&c, &r), "iterations",
		(json_int_t)t->iterations, "skipped", text(t->skipped), "failed",
		text(t->failed), "shows", b->shows, "source", b->source);
}

static json_t *limits_json(const struct bench_limits *l)
{
	return json_pack("{s:i,s:I,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "batches", (int)l->batches,
			 "batch_ns", (json_int_t)l->batch_ns, "events", (int)l->events,
			 "arena_mib", (int)l->arena_mib, "requests", (int)l->requests,
			 "seconds", (int)l->seconds, "steps", (int)l->steps, "machines",
			 (int)l->machines, "disk_ms", (int)l->disk_ms);
}

static json_t *names_json(const struct session_options *o)
{
	json_t *list = json_array();

	for (int i = 0; i < o->name_count; i++)
		json_array_append_new(list, json_string(o->names[i]));
	return list;
}

static json_t *delay_json(const struct session_options *o)
{
	return o->delay_name ? json_pack("{s:s,s:I}", "name", o->delay_name, "ns",
					 (json_int_t)o->delay_ns)
			     : json_null();
}

json_t *document_progress(const struct session *s)
{
	const struct session_now *now = &s->now;
	json_int_t done = 0, asked = 0;
	time_t at = time(NULL);
	double left_s = now->left_s - (double)(at - now->as_of_s);

	if (!now->rounds)
		return json_null();
	for (size_t i = 0; i < s->tasks; i++) {
		unsigned int n = task_samples(&s->task[i]);

		done += n;
		asked += *s->task[i].skipped ? n : session_rounds(s, s->task[i].subject);
	}
	return json_pack("{s:i,s:i,s:I,s:I,s:o,s:o,s:o,s:o,s:I}", "round", (int)now->round,
			 "rounds", (int)now->rounds, "samples", done, "asked", asked, "name",
			 text(now->bench ? now->bench->name : NULL), "mode",
			 text(now->subject ? now->subject->name : NULL), "monitor",
			 text(now->subject ? now->subject->monitor : NULL), "left_s",
			 json_finite(left_s < 0 ? 0 : left_s), "written_s", (json_int_t)at);
}

json_t *document_make(const struct session *s, json_t *environment)
{
	const struct session_options *o = s->options;
	json_t *results = json_array(), *document;

	for (size_t i = 0; i < s->tasks; i++)
		for (unsigned int f = 0; f < bench_figures(s->task[i].bench); f++)
			json_array_append_new(results, result_json(s, &s->task[i], f));
	document = json_pack(
		"{s:s,s:O,s:O,s:I,s:i,s:i,s:i,s:i,s:b,s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:o}",
		"schema", "strata.bench/1", "environment", environment, "settings",
		s->settings ? s->settings : json_null(), "seed", (json_int_t)o->seed, "runs",
		(int)o->runs, "boots", (int)o->boots, "turns", (int)o->turns, "rounds_done",
		(int)s->rounds_done, "quick", (int)o->quick, "peers", (int)o->peers,
		"interrupted", (int)s->interrupted, "limits", limits_json(&o->limits), "names",
		names_json(o), "subjects", text(o->subjects), "delay", delay_json(o),
		"progress", document_progress(s), "results", results);
	if (!document)
		err_set("out of memory for the document");
	else if (beside_add(document)) {
		json_decref(document);
		return NULL;
	}
	return document;
}

int document_write(json_t *document, const char *path)
{
	char fresh[PATH_MAX];

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set("%s: the name is too long", path);
	if (json_dump_file(document, fresh, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) ||
	    rename(fresh, path))
		return err_errno("write %s", path);
	return 0;
}

json_t *document_read(const char *path)
{
	json_error_t why;
	json_t *document = json_load_file(path, 0, &why);

	if (!document)
		err_set("%s: %s (line %d)", path, why.text, why.line);
	return document;
}
