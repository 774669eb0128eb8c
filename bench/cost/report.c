/* What the study found: a table for people, a document of schema strata.bench/1 for programs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cost/study.h"
#include "lib/environment.h"
#include "lib/finite.h"
#include "lib/table.h"

/* One figure of one observer. */
struct cell {
	unsigned int n, changes;
	double value[ROUNDS_MAX], change[ROUNDS_MAX];
	double median, change_median, p;
	struct interval interval, change_interval;
};

static void look(const struct study *s, const struct arm *a, enum figure_id f, struct cell *c)
{
	struct random r;

	random_seed(&r, s->options->seed);
	c->n = study_values(s, a, f, c->value);
	c->median = statistics_median(c->value, c->n);
	c->interval = statistics_median_interval(c->value, c->n, &r);
	c->changes = figures[f].compared && a != s->arm ? study_changes(s, a, f, c->change) : 0;
	c->change_median = statistics_median(c->change, c->changes);
	c->change_interval = statistics_median_interval(c->change, c->changes, &r);
	c->p = c->changes ? statistics_paired_permutation(c->change, c->changes, &r) : NAN;
}

/* ---- aims ---- */

static const struct aim *aim_of(enum figure_id f, const char *observer)
{
	for (unsigned int i = 0; i < aim_count; i++)
		if (aims[i].figure == f && !strcmp(aims[i].observer, observer))
			return &aims[i];
	return NULL;
}

/* Said only as far as the interval allows. */
static const char *judge(const struct aim *aim, const struct cell *c)
{
	struct interval v = aim->change ? c->change_interval : c->interval;
	bool higher = figures[aim->figure].higher;

	if (!c->n || isnan(v.low))
		return "not measured";
	if (higher ? v.low >= aim->limit : v.high <= aim->limit)
		return "met";
	return (higher ? v.high < aim->limit : v.low > aim->limit) ? "missed" : "not shown";
}

/* ---- for programs ---- */

static json_t *numbers(const double *v, unsigned int n)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(list, json_real(v[i]));
	return list;
}

static const char *reason(const struct study *s, const struct arm *a, enum figure_id f)
{
	const char *why = figures[f].part == PART_COLLECT ? s->collect_failed
			  : figures[f].part == PART_JOIN  ? s->join_failed
			  : *a->skipped                   ? a->skipped
							  : a->failed;

	return *why ? why : NULL;
}

static json_t *result_json(const struct study *s, const struct arm *a, enum figure_id f)
{
	const struct figure *g = &figures[f];
	struct cell c;

	look(s, a, f, &c);
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:o,s:[o,o],s:o,s:s?}", "name", g->name,
			 "subject", a->observer->name, "unit", g->unit, "better",
			 g->higher ? "higher" : "lower", "n", (int)c.n, "median",
			 json_finite(c.median), "ci95", json_finite(c.interval.low),
			 json_finite(c.interval.high), "samples", numbers(c.value, c.n),
			 "skipped", reason(s, a, f));
}

static json_t *change_json(const struct study *s, const struct arm *a, enum figure_id f)
{
	struct cell c;

	look(s, a, f, &c);
	return json_pack("{s:s,s:s,s:s,s:o,s:[o,o],s:o}", "name", figures[f].name, "subject",
			 a->observer->name, "against", s->arm[0].observer->name, "change",
			 json_finite(c.change_median), "ci95",
			 json_finite(c.change_interval.low),
			 json_finite(c.change_interval.high), "p", json_finite(c.p));
}

static bool is_here(const struct study *s, const struct arm *a, enum figure_id f)
{
	if (!(figures[f].part & s->options->parts))
		return false;
	if (figures[f].part != PART_LOAD)
		return a == &s->arm[1];
	return f == LOST ? a->observer->strata : f != SATURATION_OBSERVER || a != s->arm;
}

static json_t *aims_json(const struct study *s)
{
	json_t *list = json_array();
	struct cell c;

	for (unsigned int i = 0; i < aim_count; i++) {
		for (unsigned int k = 0; k < s->arms; k++) {
			const struct aim *aim = &aims[i];

			if (!(figures[aim->figure].part & s->options->parts) ||
			    strcmp(aim->observer, s->arm[k].observer->name))
				continue;
			look(s, &s->arm[k], aim->figure, &c);
			json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:f,s:s}", "name",
							      figures[aim->figure].name,
							      "subject", aim->observer, "of",
							      aim->change ? "change" : "median",
							      "limit", aim->limit, "verdict",
							      judge(aim, &c)));
		}
	}
	return list;
}

json_t *study_json(const struct study *s, const char *command)
{
	json_t *results = json_array(), *changes = json_array();
	const struct study_options *o = s->options;

	for (int f = 0; f < FIGURES; f++) {
		for (unsigned int k = 0; k < s->arms; k++) {
			const struct arm *a = &s->arm[k];

			if (!is_here(s, a, (enum figure_id)f))
				continue;
			json_array_append_new(results, result_json(s, a, (enum figure_id)f));
			if (figures[f].compared && k)
				json_array_append_new(changes,
						      change_json(s, a, (enum figure_id)f));
		}
	}
	return json_pack("{s:s,s:s,s:o,s:I,s:i,s:i,s:i,s:I,s:i,s:b,s:o,s:o,s:o,s:o}", "schema",
			 "strata.bench/1", "command", command, "environment",
			 environment_capture(), "seed", (json_int_t)o->seed, "rounds",
			 (int)o->rounds, "seconds", (int)o->seconds, "storm_rate",
			 (int)o->storm_rate, "join_events", (json_int_t)o->join_events,
			 "half_connections", (int)s->half_connections, "interrupted",
			 (int)*s->stop, "results", results, "comparisons", changes, "aims",
			 aims_json(s), "programs", programs_json(&s->programs));
}

/* ---- for people ---- */

static void row(const struct study *s, struct table *t, const struct arm *a, enum figure_id f)
{
	const struct aim *aim = aim_of(f, a->observer->name);
	const char *word;
	struct cell c;

	look(s, a, f, &c);
	table_cell(t, COLOUR_NONE, "%s", figures[f].name);
	table_cell(t, COLOUR_NONE, "%s", a->observer->name);
	table_cell(t, COLOUR_DIM, "%s", figures[f].unit);
	if (c.n)
		table_cell(t, COLOUR_NONE, "%.6g (%.6g..%.6g)", c.median, c.interval.low,
			   c.interval.high);
	else
		table_cell(t, COLOUR_DIM, "-");
	if (c.changes)
		table_cell(t, COLOUR_NONE, "%+.1f %% (%+.1f..%+.1f)", 100 * c.change_median,
			   100 * c.change_interval.low, 100 * c.change_interval.high);
	else
		table_cell(t, COLOUR_DIM, "-");
	if (!aim) {
		table_cell(t, COLOUR_NONE, "%s", "");
		table_cell(t, COLOUR_NONE, "%s", "");
		return;
	}
	if (aim->change)
		table_cell(t, COLOUR_NONE, "%+.0f %%", 100 * aim->limit);
	else
		table_cell(t, COLOUR_NONE, "%.7g", aim->limit);
	word = judge(aim, &c);
	table_cell(t,
		   !strcmp(word, "met")      ? COLOUR_GREEN
		   : !strcmp(word, "missed") ? COLOUR_RED
					     : COLOUR_NONE,
		   "%s", word);
}

/* What a figure depends on most; the document has all of it. */
static void print_environment(FILE *out)
{
	static const char *const keys[] = {"cpu", "cpus", "kernel", "memory_bytes",
					   "load_average"};
	json_t *e = environment_capture();

	for (unsigned int i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char *text = json_dumps(json_object_get(e, keys[i]), JSON_ENCODE_ANY);

		fprintf(out, "%s%s %s", i ? ", " : "", keys[i], text ? text : "unknown");
		free(text);
	}
	fprintf(out, "\n\n");
	json_decref(e);
}

static void print_method(const struct study *s, FILE *out)
{
	fprintf(out,
		"Medians of %u rounds, in each of which every observer had its turn in random order "
		"(seed %llu), %u s each;\n95 %% bootstrap intervals in brackets. Change: beside "
		"nobody looking on, round by round. An aim is met, or\nmissed, where the whole "
		"interval says so.\n\n",
		s->options->rounds, (unsigned long long)s->options->seed, s->options->seconds);
}

static void print_reasons(const struct study *s, FILE *out)
{
	for (unsigned int k = 0; k < s->arms; k++) {
		const struct arm *a = &s->arm[k];

		if (*a->skipped && s->options->parts & PART_LOAD)
			fprintf(out, "skipped: %s: %s\n", a->observer->name, a->skipped);
		if (*a->failed)
			fprintf(out, "failed, at least once: %s: %s\n", a->observer->name,
				a->failed);
	}
	if (*s->programs_failed)
		fprintf(out, "skipped: programs: %s\n", s->programs_failed);
	if (*s->collect_failed)
		fprintf(out, "skipped: collect: %s\n", s->collect_failed);
	if (*s->join_failed)
		fprintf(out, "skipped: join: %s\n", s->join_failed);
}

int study_print(const struct study *s, const char *command, FILE *out)
{
	static const struct table_column columns[] = {
		{.header = "figure"},
		{.header = "observer"},
		{.header = "unit"},
		{.header = "median", .right = true},
		{.header = "change", .right = true},
		{.header = "aim", .right = true},
		{.header = ""},
	};
	struct table *t = table_create(columns, sizeof(columns) / sizeof(*columns));
	int result;

	if (!t)
		return -1;
	for (int f = 0; f < FIGURES; f++)
		for (unsigned int k = 0; k < s->arms; k++)
			if (is_here(s, &s->arm[k], (enum figure_id)f))
				row(s, t, &s->arm[k], (enum figure_id)f);
	fprintf(out, "%s\n", command);
	print_environment(out);
	print_method(s, out);
	result = table_print(t, out, table_style_of(out), 0);
	table_destroy(t);
	if (!result && s->programs.count)
		result = programs_print(&s->programs, out);
	print_reasons(s, out);
	return result;
}
