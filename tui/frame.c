/*
 * What surrounds every view: on top which one it is of which recording; at the bottom what must
 * never be out of sight, losses and what tracing cost, and a line for messages and for typing.
 */
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "tracer/summary.h"
#include "tui/view.h"

#define WIDE 100 /* columns: there is room for more than what must be */

/* Where the first tab is: behind our name, if there is room for that. */
static int tabs_column(const struct ui *ui)
{
	return ui->columns >= WIDE ? 8 : 0;
}

/* Each tab: a digit, a blank, its name if there is room, a blank or two. */
static int tab_width(const struct ui *ui, int view)
{
	return ui->columns >= 80 || view == (int)ui->view
		       ? (int)strlen(view_table[view]->name) + 3 + (ui->columns >= WIDE)
		       : 2;
}

int frame_view_at(const struct ui *ui, int column)
{
	int at = tabs_column(ui);

	for (int v = 0; v < VIEWS; v++) {
		if (column >= at && column < at + tab_width(ui, v))
			return v;
		at += tab_width(ui, v);
	}
	return -1;
}

static void top_line(const struct ui *ui, struct cells *c)
{
	int at = tabs_column(ui), blanks = ui->columns >= WIDE ? 2 : 1;

	if (at)
		cells_text(c, 0, 0, at - 1, STYLE_STRONG, "strata");
	for (int v = 0; v < VIEWS; v++) {
		bool here = v == (int)ui->view && !ui->help;
		int width = tab_width(ui, v);

		cells_text(c, 0, at, 1, STYLE_KEY, "%d", v + 1);
		if (width > 2)
			cells_text(c, 0, at + 2, width - 2 - blanks,
				   here ? STYLE_STRONG : STYLE_TEXT, "%s", view_table[v]->name);
		if (here)
			cells_select(c, 0, at, width > 2 ? width - blanks : 1);
		at += width;
	}
	if (ui->source.live)
		cells_right(c, 0, at, c->columns - at, ui->frozen ? STYLE_BAD : STYLE_GOOD,
			    "%s", ui->frozen ? "frozen" : "live");
	else if (ui->source.loading)
		cells_right(c, 0, at, c->columns - at, STYLE_BAD, "loading %.0f %%",
			    ui->source.part * 100);
	else
		cells_right(c, 0, at, c->columns - at, STYLE_DIM, "%s", ui->source.name);
}

void frame_cost(const struct model *m, char *text, size_t bytes)
{
	json_t *o = summary_overhead(m);
	const json_t *ratio = json_object_get(o, "ratio");
	const json_t *host = json_object_get(o, "host_probes_ns_per_request");

	if (json_is_real(ratio))
		snprintf(text, bytes, "tracing ×%.2f", json_real_value(ratio));
	else if (json_is_integer(host))
		snprintf(text, bytes, "probes %s/request",
			 units_ns((uint64_t)json_integer_value(host), true).s);
	else
		snprintf(text, bytes, "tracing's cost: no data");
	json_decref(o);
}

static void status_line(const struct ui *ui, struct cells *c)
{
	const struct model *m = ui->model;
	int row = c->rows - 2, at = 0;
	char cost[64];

	cells_fill(c, row, 0, c->columns, 0x2500, STYLE_FRAME);
	if (!m) {
		cells_text(c, row, 0, c->columns, STYLE_DIM,
			   "lost: no data · tracing's cost: no data ");
		return;
	}
	at += cells_text(c, row, at, 30, model_lost(m) ? STYLE_BAD : STYLE_GOOD, "lost %s ",
			 units_count(model_lost(m)).s);
	frame_cost(m, cost, sizeof(cost));
	at += cells_text(c, row, at, c->columns - at, STYLE_TEXT, "· %s ", cost);
	at += cells_text(c, row, at, c->columns - at, STYLE_TEXT, "· %s requests ",
			 units_count(m->seen).s);
	if (m->partial && c->columns - at > 20)
		at += cells_text(c, row, at, 40, STYLE_BAD, "· %s partial ",
				 units_count(m->partial).s);
	if (m->violations && c->columns - at > 24)
		at += cells_text(c, row, at, 40, STYLE_BAD, "· %s violations ",
				 units_count(m->violations).s);
	if (m->testbed && c->columns - at > 30)
		cells_text(c, row, at, c->columns - at, STYLE_DIM,
			   "· testbed: only ratios mean something ");
}

static void prompt_line(const struct ui *ui, struct cells *c, int row)
{
	const char *what = ui->prompt == PROMPT_FILTER ? "filter: " : "search: ";
	int at = cells_text(c, row, 0, 10, STYLE_STRONG, "%s", what),
	    room = c->columns - at - 1;
	const char *line = ui->line;
	size_t n = strlen(line);

	if ((int)n > room) { /* its end is what is being typed */
		line += n - (size_t)room;
		while (((unsigned char)*line & 0xc0) == 0x80)
			line++;
	}
	at += cells_text(c, row, at, room, STYLE_TEXT, "%s", line);
	c->cursor_row = row;
	c->cursor_column = at;
}

/* The keys that one needs first, as they are bound. */
static void hint_line(const struct ui *ui, struct cells *c, int row)
{
	static const enum action hints[] = {ACTION_HELP, ACTION_OPEN,    ACTION_BACK,
					    ACTION_PLAY, ACTION_FILTER,  ACTION_SORT,
					    ACTION_HOPS, ACTION_COMMAND, ACTION_QUIT};
	int at = 0;

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		char keys[64];

		keymap_names(&ui->keys, hints[i], keys, sizeof(keys));
		keys[strcspn(keys, " ")] = '\0';
		if (!keys[0] || at + 20 > c->columns)
			continue;
		at += cells_text(c, row, at, c->columns - at, STYLE_KEY, "%s", keys);
		at += cells_text(c, row, at, c->columns - at, STYLE_DIM, " %s  ",
				 action_table[hints[i]].name);
	}
}

void frame_draw(struct ui *ui, struct cells *c)
{
	int row = c->rows - 1;

	top_line(ui, c);
	status_line(ui, c);
	if (ui->message[0] && ui->prompt)
		cells_text(c, row - 2, 0, c->columns, STYLE_BAD, "%s", ui->message);
	if (ui->prompt)
		prompt_line(ui, c, row);
	else if (ui->message[0])
		cells_text(c, row, 0, c->columns, STYLE_STRONG, "%s", ui->message);
	else if (ui->source.error[0])
		cells_text(c, row, 0, c->columns, STYLE_BAD, "%s", ui->source.error);
	else
		hint_line(ui, c, row);
}

void view_empty(const struct ui *ui, struct cells *c, struct area a)
{
	if (ui->source.error[0])
		cells_paragraph(c, a.row + 1, 2, a.columns - 4, a.rows - 1, STYLE_BAD,
				ui->source.error);
	else
		cells_text(c, a.row + 1, 2, a.columns - 4, STYLE_TEXT, "%s",
			   ui->source.none
				   ? "no recording was named, only a document: 8 shows it"
			   : ui->source.live ? "waiting for the first requests"
					     : "reading the recording");
}

int view_scrolled(struct ui *ui, int lines, int rows)
{
	int most = lines > rows ? lines - rows : 0;

	ui->scroll = ui->scroll > most ? most : ui->scroll;
	return ui->scroll;
}
