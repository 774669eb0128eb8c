/* A run for programs, schema strata.bench/1: see run.h. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/finite.h"
#include "scenarios/run/run.h"
#include "scenarios/run/settings.h"

static const char *const units[] = {[MEASURE_NS] = "ns",
				    [MEASURE_RATE] = "1/s",
				    [MEASURE_SHARE] = "share",
				    [MEASURE_COUNT] = "1",
				    [MEASURE_WORD] = "word"};

/* One measure of one cell, as a benchmark's result. */
static json_t *result_of(const struct run *r, const struct variant *v, int m)
{
	const struct measure_info *info = &measure_table[m];
	json_t *samples = json_array(), *rounds = json_array(), *twin = json_array();
	double known[SCENARIO_ROUNDS_MAX];
	struct interval ci;
	struct random random;
	char name[120];
	size_t n = 0;

	for (unsigned int i = 0; i < r->o->rounds; i++) {
		if (isnan(v->value[m][i]))
			continue;
		known[n++] = v->value[m][i];
		json_array_append_new(samples, json_real(v->value[m][i]));
		json_array_append_new(rounds, json_integer(i));
		json_array_append_new(twin, json_false());
	}
	random_seed(&random, r->o->seed);
	ci = statistics_median_interval(known, n, &random);
	snprintf(name, sizeof(name), "%s.%s.%s", r->s->name, variant_name(r, v).s, info->name);
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:f,s:i,s:i,s:o,s:[o,o],s:o,s:o,s:o,s:n,s:n,s:s}",
		"name", name, "mode", variant_name(r, v).s, "monitor", "strata", "where",
		environment_is_testbed() ? "testbed" : "here", "unit", units[info->unit],
		"better", info->higher ? "higher" : "lower", "floor", 0.0, "asked",
		(int)r->o->rounds, "n", (int)n, "median",
		json_finite(statistics_median(known, n)), "ci95", json_finite(ci.low),
		json_finite(ci.high), "samples", samples, "rounds", rounds, "twin", twin,
		"skipped", "failed", "shows", info->help);
}

static json_t *results(const struct run *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->variants; i++)
		for (int m = 0; m < MEASURES; m++)
			if (measure_table[m].unit != MEASURE_WORD &&
			    !isnan(variant_figure(r, &r->variant[i], (enum measure)m)))
				json_array_append_new(list, result_of(r, &r->variant[i], m));
	return list;
}

/* ---- cells ---- */

static json_t *rival_json(const struct run *r, const struct rival *x)
{
	const struct machine *m = run_machine(r, x->vm);
	const char *cgroup = NULL;

	for (unsigned int i = 0; i < r->s->vms; i++)
		if (r->machine[i].cgroup_inode && r->machine[i].cgroup_inode == x->cgroup)
			cgroup = r->machine[i].cgroup;
	return json_pack("{s:s,s:s?,s:I,s:s?,s:f}", "comm", x->comm, "vm",
			 m ? m->vm->name : NULL, "cgroup_inode", (json_int_t)x->cgroup,
			 "cgroup", cgroup, "ns", x->ns);
}

static json_t *blame_json(const struct run *r, const struct variant *v)
{
	const struct blame *b = &v->blame;
	json_t *o;

	if (!b->any)
		return json_null();
	o = json_pack("{s:f,s:s,s:f,s:s?}", "grew_ns", b->all_grew_ns, "layer",
		      layer_name(b->layer), "layer_grew_ns", b->layer_grew_ns, "cause",
		      b->cause < CAUSE_COUNT ? cause_table[b->cause].name : NULL);
	if (b->cause < CAUSE_COUNT)
		json_object_set_new(o, "cause_grew_ns", json_real(b->cause_grew_ns));
	if (b->rival)
		json_object_set_new(o, "rival", rival_json(r, b->rival));
	return o;
}

static json_t *layers_json(const struct tally *t)
{
	json_t *list = json_array();

	for (int l = 0; l < LAYER_COUNT; l++) {
		json_t *causes = json_object();

		for (int c = 0; c < CAUSE_COUNT; c++)
			if (t->cause_ns[l][c] > 0)
				json_object_set_new(
					causes, cause_table[c].name,
					json_finite(tally_mean(t, t->cause_ns[l][c])));
		json_array_append_new(list,
				      json_pack("{s:s,s:o,s:o}", "layer",
						layer_name((enum strata_layer)l), "mean_ns",
						json_finite(tally_mean(t, t->layer_ns[l])),
						"causes", causes));
	}
	return list;
}

static json_t *recordings(const struct run *r, const struct variant *v)
{
	json_t *list = json_array();
	char path[PATH_MAX];

	for (unsigned int i = 0; i < r->rounds_done; i++) {
		cell_recording(r, v, i, path);
		json_array_append_new(list, json_string(path));
	}
	return list;
}

static json_t *cell_json(const struct run *r, const struct variant *v)
{
	const struct scenario_cell *c = &r->s->cell[v->cell];
	const struct tally *t = &v->tally;
	json_t *rivals = json_array();

	for (unsigned int i = 0; i < t->rivals; i++)
		json_array_append_new(rivals, rival_json(r, &t->rival[i]));
	return json_pack("{s:s,s:s,s:o,s:b,s:b,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "cell",
			 c->name, "name", variant_name(r, v).s, "strength",
			 v->strength < 0 ? json_null() : json_integer(v->strength), "noise",
			 (int)c->noise, "remedy", (int)c->remedy, "traced", (json_int_t)t->seen,
			 "measured", (json_int_t)t->requests, "lost", (json_int_t)t->lost,
			 "causality_violations", (json_int_t)t->violations, "layers",
			 layers_json(t), "rivals", rivals, "blame", blame_json(r, v),
			 "recordings", recordings(r, v));
}

static json_t *cells(const struct run *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->variants; i++)
		json_array_append_new(list, cell_json(r, &r->variant[i]));
	return list;
}

/* ---- the rest ---- */

static json_t *expectations(struct run *r)
{
	static const char *const words[] = {[EXPECT_HOLDS] = "holds",
					    [EXPECT_FAILS] = "fails",
					    [EXPECT_UNKNOWN] = "unknown"};
	struct expect_source source = run_source(r);
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->s->expects; i++) {
		const struct expectation *e = &r->s->expect[i];
		char said[100];
		enum expect_verdict v = expect_judge(e, &source, said, sizeof(said));

		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:i}", "expect", e->text,
						      "verdict", words[v], "found", said,
						      "line", e->line));
	}
	return list;
}

static json_t *settings_json(const struct run *r, const struct scenario_setting *x,
			     unsigned int n)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < n; i++) {
		const struct remedy *remedy = remedy_find(x[i].name);

		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:s?}", "vm", r->s->vm[x[i].vm].name,
					"set", x[i].name, "to", x[i].value, "kind",
					remedy ? remedy_kind_name(remedy->kind) : NULL));
	}
	return list;
}

static json_t *noise_json(const struct run *r)
{
	const struct scenario_noise *n = &r->s->noise;

	return n->any ? json_pack("{s:s,s:s,s:s}", "kind", n->kind->name, "unit", n->kind->unit,
				  "from", r->s->vm[n->vm].name)
		      : json_null();
}

/* As that of "strata bench" is (docs/bench.md). */
static json_t *progress_json(const struct run *r)
{
	const struct run_now *now = &r->now;
	time_t at = time(NULL);
	double each_s = now->done ? (double)(at - now->began_s) / now->done : NAN;

	if (!now->variant)
		return json_null();
	return json_pack("{s:i,s:i,s:i,s:i,s:s,s:s,s:s,s:o,s:I}", "round", (int)now->round + 1,
			 "rounds", (int)r->o->rounds, "samples", (int)now->done, "asked",
			 (int)now->cells, "name", variant_name(r, now->variant).s, "mode",
			 r->s->vm[r->s->load.vm].name, "monitor", "strata", "left_s",
			 json_finite(each_s * (now->cells - now->done)), "written_s",
			 (json_int_t)at);
}

json_t *run_document(struct run *r)
{
	char verdict[1000] = "";
	json_t *document;

	if (!r->environment)
		r->environment = environment_capture();
	if (!r->now.variant)
		run_verdict(r, verdict, sizeof(verdict));
	document = json_pack(
		"{s:s,s:s,s:s,s:s,s:O,s:I,s:i,s:i,s:b,s:s,s:f,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s}",
		"schema", "strata.bench/1", "scenario", r->s->name, "title", r->s->title,
		"file", r->o->file, "environment", r->environment, "seed",
		(json_int_t)r->o->seed, "runs", (int)r->o->rounds, "rounds_done",
		(int)r->rounds_done, "interrupted",
		r->rounds_done<r->o->rounds, "victim", r->s->vm[r->s->load.vm].name, "rate",
			       r->rate, "saturation", r->saturation> 0
			? json_real(r->saturation)
			: json_null(),
		"noise", noise_json(r), "limits", settings_json(r, r->s->limit, r->s->limits),
		"remedies", settings_json(r, r->s->remedy, r->s->remedies), "progress",
		progress_json(r), "results", results(r), "cells", cells(r), "expectations",
		r->now.variant ? json_array() : expectations(r), "verdict", verdict);
	if (!document)
		err_set("out of memory for the document");
	return document;
}

int run_publish(struct run *r, const json_t *document)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/results.json", r->o->folder);
	snprintf(fresh, sizeof(fresh), "%.4000s/results.json.new", r->o->folder);
	if (json_dump_file(document, fresh, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) ||
	    rename(fresh, path))
		return err_errno("write %s", path);
	return 0;
}
