/*
 * Why the slow requests were slow, in the sentences of strata explain.
 *
 * To explain takes a moment, and what comes in while a live view is watched changes little at a
 * time: it is done again when there are a tenth more requests.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "tracer/explain.h"
#include "tracer/print.h"
#include "tui/lines.h"

#define INDENT 2 /* of the screen's columns, left and right */

struct why {
	const struct model *of;
	uint64_t measured; /* when it was explained */
	int columns;
	struct lines lines;
};

static void explain_into(const struct ui *ui, int columns, struct lines *l)
{
	const struct table_style plain = {.utf8 = true};
	struct explanation e;
	size_t bytes;
	char *text = NULL;
	FILE *f;

	l->count = 0;
	if (explain(ui->model, &e)) {
		lines_add(l, STYLE_BAD, "%s", err_text());
		return;
	}
	f = open_memstream(&text, &bytes);
	if (f) {
		explain_print(ui->model, &e, ui->source.name, f, plain, columns);
		fclose(f);
	}
	lines_printed(l, text);
}

static bool is_fresh(const struct why *w, const struct ui *ui, int columns)
{
	uint64_t now = ui->model->measured;
	bool growing = ui->source.live || ui->source.loading;

	return w->of == ui->model && w->columns == columns && w->measured <= now &&
	       now - w->measured <= (growing ? w->measured / 10 : 0);
}

static const struct lines *why(struct ui *ui, int columns)
{
	struct why *w = ui->why;

	if (!w)
		w = ui->why = calloc(1, sizeof(*w));
	if (!w || is_fresh(w, ui, columns))
		return w ? &w->lines : NULL;
	explain_into(ui, columns, &w->lines);
	w->of = ui->model;
	w->measured = ui->model->measured;
	w->columns = columns;
	return &w->lines;
}

void why_lines(struct ui *ui, struct lines *l)
{
	explain_into(ui, PRINT_COLUMNS, l);
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	const struct lines *l = why(ui, a.columns - INDENT);

	if (l)
		lines_draw(l, ui, c, a);
}

const struct view_info view_why = {
	.name = "why", .title = "why slow requests were slow", .draw = draw};
