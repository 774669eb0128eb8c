/*
 * What the study found: for people a table with strata beside each other monitor in the same
 * mode, for programs a document of schema strata.bench/1 with every sample.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/peers/study.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/statistics.h"
#include "lib/table.h"

/* What is found to differ must differ by so much, however sure it is. */
#define FLOOR 0.03
#define P_MAX 0.05

struct comparison {
	const struct study_arm *ours, *other;
	const struct measure *measure;
	const struct series *a, *b;
	double gain; /* more than 1: strata is better */
	struct interval interval;
	double p;
};

static void compare(struct comparison *c, uint64_t seed)
{
	struct random r;
	double swap;

	random_seed(&r, seed);
	c->gain = statistics_median(c->a->value, c->a->n) /
		  statistics_median(c->b->value, c->b->n);
	c->interval = statistics_ratio_interval(c->a->value, c->a->n, c->b->value, c->b->n, &r);
	c->p = statistics_permutation(c->a->value, c->a->n, c->b->value, c->b->n, &r);
	if (c->measure->higher)
		return;
	c->gain = 1 / c->gain;
	swap = 1 / c->interval.low;
	c->interval.low = 1 / c->interval.high;
	c->interval.high = swap;
}

static const char *verdict(const struct comparison *c)
{
	if (!c->a->n || !c->b->n)
		return "not measured";
	if (c->p > P_MAX || fabs(c->gain - 1) < FLOOR)
		return "no difference shown";
	return c->gain > 1 ? "better" : "worse";
}

/* Each of ours beside each other monitor that has the mode, by benchmark. fn returns false to
 * end. */
static bool each_comparison(const struct study *s,
			    bool (*fn)(const struct comparison *, void *), void *arg)
{
	for (unsigned int i = 0; i < measure_count; i++) {
		if (!s->wanted[i])
			continue;
		for (unsigned int k = 0; k < s->arms * s->arms; k++) {
			const struct study_arm *a = &s->arm[k / s->arms],
					       *b = &s->arm[k % s->arms];
			struct comparison c = {.ours = a,
					       .other = b,
					       .measure = &measures[i],
					       .a = &a->series[i],
					       .b = &b->series[i]};

			if (a->monitor != &monitors[0] || b->monitor == a->monitor ||
			    strcmp(a->mode->name, b->mode->name) ||
			    !study_applies(a, c.measure))
				continue;
			compare(&c, s->options->seed);
			if (!fn(&c, arg))
				return false;
		}
	}
	return true;
}

/* ---- for programs ---- */

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *result_json(const struct study *s, const struct study_arm *a, unsigned int i)
{
	const struct series *v = &a->series[i];
	json_t *samples = json_array(), *o;
	struct interval ci;
	struct random r;

	random_seed(&r, s->options->seed);
	ci = statistics_median_interval(v->value, v->n, &r);
	for (unsigned int k = 0; k < v->n; k++)
		json_array_append_new(samples, json_real(v->value[k]));
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:o,s:[o,o],s:o}", "name", measures[i].name,
		      "monitor", a->monitor->name, "mode", a->mode->name, "unit",
		      measures[i].unit, "better", measures[i].higher ? "higher" : "lower", "n",
		      (int)v->n, "median", number(statistics_median(v->value, v->n)), "ci95",
		      number(ci.low), number(ci.high), "samples", samples);
	json_object_set_new(o, "skipped",
			    *a->skipped  ? json_string(a->skipped)
			    : *v->failed ? json_string(v->failed)
					 : json_null());
	return o;
}

static bool comparison_json(const struct comparison *c, void *into)
{
	json_array_append_new(into, json_pack("{s:s,s:s,s:s,s:o,s:[o,o],s:o,s:s}", "name",
					      c->measure->name, "mode", c->ours->mode->name,
					      "against", c->other->monitor->name, "gain",
					      number(c->gain), "ci95", number(c->interval.low),
					      number(c->interval.high), "p", number(c->p),
					      "verdict", verdict(c)));
	return true;
}

json_t *study_json(const struct study *s)
{
	json_t *results = json_array(), *comparisons = json_array();

	for (unsigned int i = 0; i < measure_count; i++)
		for (unsigned int k = 0; k < s->arms; k++)
			if (s->wanted[i] && study_applies(&s->arm[k], &measures[i]))
				json_array_append_new(results, result_json(s, &s->arm[k], i));
	each_comparison(s, comparison_json, comparisons);
	return json_pack("{s:s,s:o,s:I,s:i,s:i,s:i,s:b,s:o,s:o}", "schema", "strata.bench/1",
			 "environment", environment_capture(), "seed",
			 (json_int_t)s->options->seed, "rounds", (int)s->options->rounds,
			 "requests", (int)s->options->measure.requests, "seconds",
			 (int)s->options->measure.seconds, "interrupted", (int)*s->stop,
			 "results", results, "comparisons", comparisons);
}

/* ---- for people ---- */

static void cell_series(struct table *t, const struct series *v, uint64_t seed)
{
	struct interval ci;
	struct random r;

	if (!v->n) {
		table_cell(t, COLOUR_DIM, "-");
		return;
	}
	random_seed(&r, seed);
	ci = statistics_median_interval(v->value, v->n, &r);
	table_cell(t, COLOUR_NONE, "%.4g (%.4g..%.4g)", statistics_median(v->value, v->n),
		   ci.low, ci.high);
}

struct printing {
	struct table *table;
	uint64_t seed;
};

static bool comparison_row(const struct comparison *c, void *arg)
{
	struct printing *p = arg;
	const char *word = verdict(c);
	enum table_colour colour = *word == 'b'   ? COLOUR_GREEN
				   : *word == 'w' ? COLOUR_RED
						  : COLOUR_NONE;

	table_cell(p->table, COLOUR_NONE, "%s", c->measure->name);
	table_cell(p->table, COLOUR_NONE, "%s", c->ours->mode->name);
	table_cell(p->table, COLOUR_DIM, "%s", c->measure->unit);
	cell_series(p->table, c->a, p->seed);
	table_cell(p->table, COLOUR_NONE, "%s", c->other->monitor->name);
	cell_series(p->table, c->b, p->seed);
	if (c->a->n && c->b->n)
		table_cell(p->table, COLOUR_NONE, "%.2f (%.2f..%.2f)", c->gain, c->interval.low,
			   c->interval.high);
	else
		table_cell(p->table, COLOUR_DIM, "-");
	table_cell(p->table, colour, "%s", word);
	return true;
}

/* What was not run, or gave nothing, and why. */
static void print_reasons(const struct study *s, FILE *out)
{
	for (unsigned int k = 0; k < s->arms; k++) {
		const struct study_arm *a = &s->arm[k];

		if (*a->skipped)
			fprintf(out, "skipped: %s %s: %s\n", a->monitor->name, a->mode->name,
				a->skipped);
		for (unsigned int i = 0; !*a->skipped && i < measure_count; i++)
			if (*a->series[i].failed)
				fprintf(out, "failed %u of %u: %s of %s %s: %s\n",
					s->options->rounds - a->series[i].n, s->options->rounds,
					measures[i].name, a->monitor->name, a->mode->name,
					a->series[i].failed);
	}
}

int study_print(const struct study *s, FILE *out)
{
	static const struct table_column columns[] = {
		{.header = "benchmark"},
		{.header = "mode"},
		{.header = "unit"},
		{.header = "strata", .right = true},
		{.header = "beside"},
		{.header = "its", .right = true},
		{.header = "gain", .right = true},
		{.header = "strata is"},
	};
	struct printing p = {.table = table_create(columns, sizeof(columns) / sizeof(*columns)),
			     .seed = s->options->seed};
	int result;

	if (!p.table)
		return -1;
	each_comparison(s, comparison_row, &p);
	fprintf(out,
		"The same kernel, initrd, memory, network and disk under each monitor; medians "
		"of %u boots each in random\norder (seed %llu), 95 %% bootstrap intervals; gain: "
		"how many times better strata is. A difference is\nclaimed from 3 %% on where "
		"a rank permutation test has p <= 0.05.%s\n\n",
		s->options->rounds, (unsigned long long)s->options->seed,
		environment_is_testbed() ? " In the testbed: only ratios mean something." : "");
	result = table_print(p.table, out, table_style_of(out), 0);
	table_destroy(p.table);
	print_reasons(s, out);
	return result;
}
