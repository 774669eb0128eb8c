/* A session written down: see document.h. */
#include "bench/suite/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/suite/judge.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/statistics.h"

#define NAMES_MAX 1000

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

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

	return json_pack("{s:o,s:o,s:o}", "twins", number(noise.twins), "drift",
			 number(noise.drift), "p", number(noise.p));
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
	return json_pack("{s:s,s:s,s:o,s:s,s:s,s:s,s:f,s:i,s:i,s:o,s:[o,o],s:o,s:o,s:o,s:o,"
			 "s:o,s:I,s:o,s:o,s:s,s:s}",
			 "name", name, "mode", t->subject->name, "monitor",
			 text(t->subject->monitor), "where",
			 environment_is_testbed() ? "testbed" : "here", "unit", b->unit,
			 "better", b->higher ? "higher" : "lower", "floor", b->floor, "asked",
			 (int)session_rounds(s, t->subject), "n", (int)c.n, "median",
			 number(statistics_median(c.value, c.n)), "ci95", number(ci.low),
			 number(ci.high), "samples", c.samples, "rounds", c.rounds, "twin",
			 c.twins, "outliers", outliers(&c), "noise", noise_json(&c, &r),
			 "iterations", (json_int_t)t->iterations, "skipped", text(t->skipped),
			 "failed", text(t->failed), "shows", b->shows, "source", b->source);
}

static json_t *limits_json(const struct bench_limits *l)
{
	return json_pack("{s:i,s:I,s:i,s:i,s:i,s:i,s:i,s:i}", "batches", (int)l->batches,
			 "batch_ns", (json_int_t)l->batch_ns, "events", (int)l->events,
			 "arena_mib", (int)l->arena_mib, "requests", (int)l->requests,
			 "seconds", (int)l->seconds, "steps", (int)l->steps, "machines",
			 (int)l->machines);
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

json_t *document_make(const struct session *s, json_t *environment)
{
	const struct session_options *o = s->options;
	json_t *results = json_array(), *document;

	for (size_t i = 0; i < s->tasks; i++)
		for (unsigned int f = 0; f < bench_figures(s->task[i].bench); f++)
			json_array_append_new(results, result_json(s, &s->task[i], f));
	document =
		json_pack("{s:s,s:O,s:O,s:I,s:i,s:i,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "schema",
			  "strata.bench/1", "environment", environment, "settings",
			  s->settings ? s->settings : json_null(), "seed", (json_int_t)o->seed,
			  "runs", (int)o->runs, "rounds_done", (int)s->rounds_done, "quick",
			  (int)o->quick, "interrupted", (int)s->interrupted, "limits",
			  limits_json(&o->limits), "names", names_json(o), "subjects",
			  text(o->subjects), "delay", delay_json(o), "results", results);
	if (!document)
		err_set("out of memory for the document");
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

/* ---- taken up again ---- */

static json_int_t whole(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int read_limits(json_t *o, struct bench_limits *l)
{
	const struct {
		const char *key;
		unsigned int *value, max;
	} rows[] = {
		{"batches", &l->batches, 256},     {"events", &l->events, 256},
		{"arena_mib", &l->arena_mib, 512}, {"requests", &l->requests, 1000000},
		{"seconds", &l->seconds, 3600},    {"steps", &l->steps, 100},
		{"machines", &l->machines, 1000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		json_int_t v = whole(o, rows[i].key);

		if (v < 1 || v > rows[i].max)
			return err_set("its limit %s is not from 1 to %u", rows[i].key,
				       rows[i].max);
		*rows[i].value = (unsigned int)v;
	}
	l->batch_ns = (uint64_t)whole(o, "batch_ns");
	return 0;
}

int document_options(json_t *document, struct session_options *o, char ***names)
{
	json_t *list = json_object_get(document, "names");
	json_t *delay = json_object_get(document, "delay");
	json_int_t runs = whole(document, "runs");
	size_t n = json_array_size(list);

	*names = NULL;
	if (runs < 2 || runs > ROUNDS_MAX || n > NAMES_MAX)
		return err_set(
			"it is no document of strata bench: its number of runs is not from 2 "
			"to %d, or it has more than %d names",
			ROUNDS_MAX, NAMES_MAX);
	o->runs = (unsigned int)runs;
	o->seed = (uint64_t)whole(document, "seed");
	o->quick = json_is_true(json_object_get(document, "quick"));
	o->subjects = json_string_value(json_object_get(document, "subjects"));
	o->delay_name = json_string_value(json_object_get(delay, "name"));
	o->delay_ns = (uint64_t)whole(delay, "ns");
	*names = calloc(n + 1, sizeof(**names));
	if (!*names)
		return err_set("out of memory for names");
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		(*names)[i] = (char *)(name ? name : "");
	}
	o->names = *names;
	o->name_count = (int)n;
	return read_limits(json_object_get(document, "limits"), &o->limits);
}

/* What must be alike for samples to belong together. */
static int same_environment(json_t *then, json_t *now)
{
	static const char *const keys[] = {"cpu",    "microcode", "kernel",  "kernel_version",
					   "strata", "commit",    "testbed", "cpus"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *a = json_object_get(then, keys[i]);
		const json_t *b = json_object_get(now, keys[i]);

		if (a != b && !json_equal(a, b))
			return err_set("it was measured in another environment: \"%s\" is not "
				       "what it was; begin a new session",
				       keys[i]);
	}
	return 0;
}

static void take_samples(struct task *t, unsigned int figure, json_t *o)
{
	json_t *samples = json_object_get(o, "samples"), *rounds = json_object_get(o, "rounds");
	const char *skipped = json_string_value(json_object_get(o, "skipped"));
	json_t *v;
	size_t i;

	json_array_foreach (samples, i, v) {
		json_int_t round = json_integer_value(json_array_get(rounds, i));

		if (json_is_number(v) && round >= 0 && round < ROUNDS_MAX)
			t->value[figure][round] = json_number_value(v);
	}
	t->iterations = (uint64_t)whole(o, "iterations");
	snprintf(t->skipped, sizeof(t->skipped), "%s", skipped ? skipped : "");
}

int document_resume(json_t *document, struct session *s, json_t *environment)
{
	json_t *results = json_object_get(document, "results"), *o;
	size_t i = 0;

	if (same_environment(json_object_get(document, "environment"), environment))
		return -1;
	for (size_t k = 0; k < s->tasks; k++) {
		for (unsigned int f = 0; f < bench_figures(s->task[k].bench); f++) {
			const char *name;

			o = json_array_get(results, i++);
			name = json_string_value(json_object_get(o, "name"));
			if (!name || strncmp(name, s->task[k].bench->name,
					     strlen(s->task[k].bench->name)))
				return err_set("its results are not those of its benchmarks");
			take_samples(&s->task[k], f, o);
		}
	}
	return 0;
}
