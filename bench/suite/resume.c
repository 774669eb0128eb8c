/* A session taken up again from its document: see document.h. Anyone may have written that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/guest.h"
#include "bench/suite/document.h"
#include "lib/err.h"

#define NAMES_MAX 1000

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
		{"batches", &l->batches, 256},          {"events", &l->events, 256},
		{"arena_mib", &l->arena_mib, 512},      {"requests", &l->requests, 1000000},
		{"seconds", &l->seconds, 3600},         {"steps", &l->steps, 100},
		{"machines", &l->machines, GUESTS_MAX}, {"disk_ms", &l->disk_ms, 3600000},
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
	json_int_t runs = whole(document, "runs"), boots = whole(document, "boots");
	json_int_t turns = whole(document, "turns");
	size_t n = json_array_size(list);

	*names = NULL;
	if (runs < 2 || runs > ROUNDS_MAX || boots < 1 || boots > ROUNDS_MAX / 2 || turns < 0 ||
	    turns > TURNS_MAX || n > NAMES_MAX)
		return err_set(
			"it is no document of strata bench: its number of runs is not from 1 "
			"to %d, of turns not from 0 to %d, or it has more than %d names",
			ROUNDS_MAX, TURNS_MAX, NAMES_MAX);
	o->runs = (unsigned int)runs;
	o->boots = (unsigned int)boots;
	o->turns = (unsigned int)turns;
	o->peers = json_is_true(json_object_get(document, "peers"));
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

/* Only what was measured side by side is a pair: where one is missing, the others of its round
 * are taken anew with it. */
static void forget_halves(struct session *s)
{
	for (size_t i = 0; i < s->tasks; i++)
		for (size_t k = 0; k < s->tasks; k++)
			for (unsigned int r = 0; r < ROUNDS_MAX; r++)
				if (s->task[i].bench == s->task[k].bench &&
				    session_together(s, s->task[i].subject,
						     s->task[k].subject) &&
				    !*s->task[i].skipped && isnan(s->task[i].value[0][r]))
					s->task[k].value[0][r] = NAN;
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
	forget_halves(s);
	return 0;
}
