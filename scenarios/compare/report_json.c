/* Document strata.compare/1: see report.h. */
#include <math.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "scenarios/compare/report.h"

static json_t *figure(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static json_t *figures(const double *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, figure(v[i]));
	return list;
}

/* Per round, what each request gave. */
static json_t *all_samples(const struct arm *a, int row, int rounds)
{
	json_t *list = json_array();

	for (int round = 0; round < rounds; round++)
		json_array_append_new(
			list, figures(a->samples[row][round].value, a->samples[row][round].n));
	return list;
}

static json_t *cell(const struct study *s, const struct judgement *x, const struct arm *a,
		    int row)
{
	const char *verdict = verdict_name(x->verdict);

	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s?,s:o,s:o}", "mode", a->name,
			 "median", figure(x->median), "low", figure(x->interval.low), "high",
			 figure(x->interval.high), "difference", figure(x->difference), "ratio",
			 figure(x->ratio), "p", figure(x->p), "p_holm", figure(x->p_holm),
			 "floor", figure(x->floor), "verdict", verdict, "blocks",
			 figures(x->figure, x->blocks), "samples",
			 all_samples(a, row, s->rounds));
}

static json_t *rows_array(const struct study *s, const struct judgements *j)
{
	json_t *list = json_array();

	for (int row = 0; row < ROWS; row++) {
		const struct row *r = &compare_rows[row];
		json_t *cells = json_array();

		for (int i = 0; i < s->arms; i++)
			json_array_append_new(cells, cell(s, &j->of[i][row], &s->arm[i], row));
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s,s:o,s:o}", "row", r->name, "unit",
						r->count ? "1" : "ns", "per_block",
						r->count ? "mean" : "median", "twins_differ",
						figure(j->twins_differ[row]), "modes", cells));
	}
	return list;
}

static json_t *modes_array(const struct study *s)
{
	json_t *list = json_array();

	for (int i = 0; i < s->arms; i++) {
		const struct arm *a = &s->arm[i];

		json_array_append_new(
			list,
			json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:i,s:i,s:i,s:f}", "mode", a->name,
				  "place", place_name(a->place), "text",
				  lab_place_text(a->place), "twin_of",
				  a->twin_of < 0 ? NULL : s->arm[a->twin_of].name, "left_out",
				  a->left_out[0] ? a->left_out : NULL, "requests", a->requests,
				  "complete", a->complete, "causality_violations",
				  a->violations, "clock_error_ns", a->clock_error_ns));
	}
	return list;
}

json_t *report_json(const struct study *s, const struct judgements *j)
{
	const struct compare_options *o = s->options;
	json_t *document = json_pack(
		"{s:s,s:o,s:I,s:i,s:i,s:i,s:i,s:s,s:s,s:s,s:s,s:b,s:b,s:o,s:o}", "schema",
		"strata.compare/1", "environment", environment_capture(), "seed",
		(json_int_t)o->seed, "requests_per_block", o->requests, "rounds", s->rounds,
		"rounds_planned", o->rounds, "cpus", o->cpus, "path", o->path, "switch",
		o->ovs ? "openvswitch" : "bridge", "baseline", s->arm[s->baseline].name,
		"sample_unit", "block of requests to one server; one boot of each", "real_wire",
		s->site.wire.client[0] != '\0', "interrupted", s->interrupted, "modes",
		modes_array(s), "rows", rows_array(s, j));

	if (!document)
		err_set("out of memory for the document");
	return document;
}
