/* The figures behind each view: see export_data.h. */
#include "tui/export_data.h"

#include <math.h>

#include "lib/finite.h"
#include "tracer/explain.h"
#include "tracer/json.h"

/* What the list shows, and no more: its requests by their numbers. */
static json_t *list_data(const struct ui *ui)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ui->rows.count; i++) {
		const struct request *r = &ui->model->requests[ui->rows.at[i]];

		json_array_append_new(
			list,
			json_pack("{s:I,s:s,s:s,s:o,s:o}", "number", (json_int_t)r->number,
				  "method", r->http.method, "path", r->http.path, "status",
				  r->http.answered ? json_integer(r->http.status) : json_null(),
				  "end_to_end_ns",
				  r->measured ? json_integer((json_int_t)r->end_to_end_ns)
					      : json_null()));
	}
	return list;
}

static json_t *ladder_data(const struct ui *ui)
{
	return ui->ladder.chosen ? json_request(ui->model, &ui->ladder.request) : json_null();
}

static json_t *document_data(const struct ui *ui)
{
	return json_document(ui->model, NULL);
}

static json_t *why_data(const struct ui *ui)
{
	struct explanation e;

	return explain(ui->model, &e) ? json_null() : explain_json(ui->model, &e);
}

/* ---- compare ---- */

static json_t *side_json(const struct versus_row *r, int side)
{
	return json_pack("{s:o,s:[o,o]}", "median_ns", json_finite(r->median[side]), "ci95_ns",
			 json_finite(r->interval[side].low),
			 json_finite(r->interval[side].high));
}

static json_t *versus_json(const struct versus *v)
{
	static const char *const verdicts[] = {"less", "same", "more", "no data"};
	json_t *rows = json_array();

	for (int i = 0; i < v->count; i++) {
		const struct versus_row *r = &v->rows[i];

		json_array_append_new(
			rows, json_pack("{s:s,s:b,s:o,s:o,s:o,s:o,s:s}", "name",
					measure_name(&r->what).s, "hop", (int)r->hop, "a",
					side_json(r, 0), "b", side_json(r, 1), "ratio",
					json_finite(r->ratio), "p_holm", json_finite(r->p),
					"b_is", verdicts[r->verdict + 1]));
	}
	return json_pack("{s:s,s:s,s:f,s:o}", "a", v->name[0], "b", v->name[1], "floor_ns",
			 v->floor_ns, "rows", rows);
}

static json_t *compare_data(const struct ui *ui)
{
	json_t *list = json_array();

	for (int i = 0; i < ui->versus_count; i++)
		json_array_append_new(list, versus_json(ui->versus[i]));
	return list;
}

/* ---- bench ---- */

static json_t *bench_row_json(const struct bench_row *r)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:o,s:[o,o],s:s,s:s}", "name", r->name,
			 "mode", r->mode, "cell", r->cell, "unit", r->unit, "n", (int)r->n,
			 "asked", (int)r->asked, "median", json_finite(r->median), "ci95",
			 json_finite(r->low), json_finite(r->high), "skipped", r->skipped,
			 "failed", r->failed);
}

static json_t *bench_data(const struct ui *ui)
{
	const struct bench *b = ui->bench;
	json_t *rows = json_array();

	for (size_t i = 0; b && i < b->count; i++)
		json_array_append_new(rows, bench_row_json(&b->rows[i]));
	return b ? json_pack("{s:b,s:b,s:s,s:s,s:i,s:i,s:i,s:i,s:o,s:o}", "running",
			     (int)b->running, "interrupted", (int)b->interrupted, "doing",
			     b->doing, "in", b->in, "round", (int)b->round, "rounds",
			     (int)b->rounds, "samples", (int)b->done, "asked", (int)b->asked,
			     "left_s", json_finite(b->left_s), "results", rows)
		 : rows;
}

/* ---- all of them ---- */

json_t *export_data(const struct ui *ui)
{
	static json_t *(*const views[VIEWS])(const struct ui *ui) = {
		[VIEW_LIST] = list_data,       [VIEW_LADDER] = ladder_data,
		[VIEW_LAYERS] = document_data, [VIEW_WHY] = why_data,
		[VIEW_VM] = document_data,     [VIEW_COMPARE] = compare_data,
		[VIEW_FACTS] = document_data,  [VIEW_BENCH] = bench_data,
	};
	json_t *data = ui->model || ui->view == VIEW_BENCH ? views[ui->view](ui) : NULL;

	return data ? data : json_null();
}
