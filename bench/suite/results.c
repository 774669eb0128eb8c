/* Reading results: see judge.h. A document is a file that anyone may have written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/suite/judge.h"
#include "lib/err.h"

#define RESULTS_MAX 10000

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int read_samples(struct result *x, json_t *o, bool paired)
{
	json_t *samples = json_object_get(o, "samples"), *twin = json_object_get(o, "twin");
	json_t *rounds = json_object_get(o, "rounds");
	size_t n = json_array_size(samples);

	if (!json_is_array(samples) || n > RESULT_SAMPLES_MAX)
		return err_set("%s: its samples are no list, or more than %d", x->name,
			       RESULT_SAMPLES_MAX);
	if (paired && json_array_size(rounds) != n)
		return err_set("%s: there is not a round for each of its samples", x->name);
	x->value = calloc(n + 1, sizeof(*x->value));
	x->twin = calloc(n + 1, sizeof(*x->twin));
	x->round = calloc(n + 1, sizeof(*x->round));
	if (!x->value || !x->twin || !x->round)
		return err_set("out of memory for samples");
	for (; x->n < n; x->n++) {
		const json_t *v = json_array_get(samples, x->n);

		if (!json_is_number(v) || !isfinite(json_number_value(v)))
			return err_set("%s: sample %zu is no number", x->name, x->n);
		x->value[x->n] = json_number_value(v);
		x->round[x->n] = (unsigned int)json_integer_value(json_array_get(rounds, x->n));
		x->twin[x->n] = json_is_true(json_array_get(twin, x->n));
	}
	return 0;
}

static int read_result(struct result *x, json_t *o, bool paired)
{
	const char *better = text_of(o, "better");
	double floor = json_number_value(json_object_get(o, "floor"));

	x->name = text_of(o, "name");
	x->unit = text_of(o, "unit");
	if (!x->name || !x->unit || !better)
		return err_set("a result without name, unit or better direction");
	x->subject = text_of(o, "mode");
	x->monitor = text_of(o, "monitor");
	x->where = text_of(o, "where");
	x->skipped = text_of(o, "skipped");
	x->failed = text_of(o, "failed");
	x->higher = !strcmp(better, "higher");
	x->floor = floor > 0 && isfinite(floor) ? floor : 0;
	return read_samples(x, o, paired);
}

int results_read(struct results *r, json_t *document, const char *name)
{
	const char *schema = text_of(document, "schema");
	json_t *list = json_object_get(document, "results"), *o;
	size_t i;

	*r = (struct results){0};
	if (!schema || strcmp(schema, "strata.bench/1") || !json_is_array(list) ||
	    json_array_size(list) > RESULTS_MAX)
		return err_set("%s is no document of schema strata.bench/1", name);
	r->of = calloc(json_array_size(list) + 1, sizeof(*r->of));
	if (!r->of)
		return err_set("out of memory for results");
	r->paired = json_integer_value(json_object_get(document, "turns")) > 0;
	json_array_foreach (list, i, o) {
		r->count++;
		if (read_result(&r->of[i], o, r->paired)) {
			results_free(r);
			return err_add("%s", name);
		}
	}
	return 0;
}

void results_free(struct results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->of[i].value);
		free(r->of[i].twin);
		free(r->of[i].round);
	}
	free(r->of);
	*r = (struct results){0};
}
