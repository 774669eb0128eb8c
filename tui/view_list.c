/* The list: one request a row. */
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "tracer/summary.h"
#include "tui/view.h"

/* The columns, by what is left out first where there is little room. */
struct layout {
	int time, client, path, status, total, worst, bar; /* widths; 0: left out */
};

static struct layout layout_of(int columns)
{
	struct layout l = {.total = 9, .worst = 11};
	int left = columns - 2 - l.total - l.worst;

	if (columns >= 60) {
		l.time = 10;
		l.status = columns >= 72 ? 8 : 4;
		left -= l.time + l.status;
	}
	if (columns >= 100) {
		l.client = 22;
		left -= l.client;
	}
	if (columns >= 72) {
		l.bar = left / 2;
		left -= l.bar;
	}
	l.path = left - 1;
	return l;
}

static enum style heading_style(const struct ui *ui, enum column by)
{
	return ui->choice.sort == by ? STYLE_KEY : STYLE_STRONG;
}

static void heading(const struct ui *ui, struct cells *c, int row, const struct layout *l)
{
	const char *arrow = ui->choice.descending ? "▼" : "▲";
	const struct {
		enum column by;
		int width;
		bool right;
	} at[] = {{COLUMN_TIME, l->time, true},   {COLUMN_CLIENT, l->client, false},
		  {COLUMN_PATH, l->path, false},  {COLUMN_STATUS, l->status, false},
		  {COLUMN_TOTAL, l->total, true}, {COLUMN_WORST, l->worst, false}};
	int column = 2;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		bool here = ui->choice.sort == at[i].by;
		char text[24];

		if (!at[i].width)
			continue;
		snprintf(text, sizeof(text), "%.*s%s", here ? at[i].width - 2 : at[i].width - 1,
			 column_name(at[i].by), here ? arrow : "");
		if (at[i].right)
			cells_right(c, row, column, at[i].width - 1,
				    heading_style(ui, at[i].by), "%s", text);
		else
			cells_text(c, row, column, at[i].width - 1, heading_style(ui, at[i].by),
				   "%s", text);
		column += at[i].width;
	}
	if (l->bar)
		cells_text(c, row, column, l->bar, STYLE_STRONG, "layers");
}

/* Layers in proportion, both ways together, in the order of the path. */
static void layer_bar(struct cells *c, int row, int column, int width, const struct request *r)
{
	double done = 0;
	int from = 0;

	for (int i = 0; i <= LAYER_COUNT && r->end_to_end_ns; i++) {
		const uint64_t *ns = i < LAYER_COUNT ? r->layer_ns[i] : r->unattributed_ns;
		int to;

		done += (double)(ns[DIRECTION_REQUEST] + ns[DIRECTION_REPLY]);
		to = (int)(done / (double)r->end_to_end_ns * width + 0.5);
		if (c->utf8)
			cells_fill(c, row, column + from, to - from, 0x2588,
				   i < LAYER_COUNT ? layer_style((enum strata_layer)i)
						   : STYLE_UNATTRIBUTED);
		/* letters tell layers apart where blocks cannot: without colours, too */
		for (int k = from; k < to; k++)
			if (!c->utf8 || k == from)
				cells_fill(c, row, column + k, 1, (uint32_t) "ehyvs?"[i],
					   i < LAYER_COUNT ? layer_style((enum strata_layer)i)
							   : STYLE_UNATTRIBUTED);
		from = to;
	}
}

static bool marked(const struct ui *ui, uint64_t number)
{
	for (int i = 0; i < ui->mark_count; i++)
		if (ui->marks[i] == number)
			return true;
	return false;
}

static uint64_t first_ns(const struct model *m)
{
	const json_t *started = json_object_get(m->meta, "started_ns");

	return json_is_integer(started) && json_integer_value(started) > 0
		       ? (uint64_t)json_integer_value(started)
		       : 0;
}

static void list_row(const struct ui *ui, struct cells *c, int row, const struct request *r,
		     const struct layout *l)
{
	uint64_t began = request_began_ns(r), base = first_ns(ui->model), worst_ns;
	enum strata_layer worst;
	int at = 2;

	if (marked(ui, r->number))
		cells_text(c, row, 0, 1, STYLE_KEY, "*");
	if (l->time && base && began >= base)
		cells_right(c, row, at, l->time - 1, STYLE_DIM, "%.4f s",
			    (double)(began - base) / 1e9);
	else if (l->time)
		cells_right(c, row, at, l->time - 1, STYLE_DIM, "#%llu",
			    (unsigned long long)r->number);
	at += l->time;
	if (l->client)
		cells_text(c, row, at, l->client - 1, STYLE_TEXT, "%s",
			   summary_address(r->http.client_addr, r->http.client_port).s);
	at += l->client;
	cells_text(c, row, at, l->path - 1, STYLE_TEXT, "%s %s", r->http.method, r->http.path);
	at += l->path;
	if (l->status && r->http.answered)
		cells_text(c, row, at, l->status - 1,
			   r->http.status >= 400 ? STYLE_BAD : STYLE_TEXT, "%u",
			   r->http.status);
	else if (l->status)
		cells_text(c, row, at, l->status - 1, STYLE_BAD, "–");
	at += l->status;
	if (r->measured)
		cells_right(c, row, at, l->total - 1, STYLE_STRONG, "%s",
			    units_ns(r->end_to_end_ns, c->utf8).s);
	else
		cells_right(c, row, at, l->total - 1, STYLE_BAD, "no data");
	at += l->total;
	if (request_worst(r, &worst, &worst_ns))
		cells_text(c, row, at, l->worst - 1, layer_style(worst), "%s",
			   layer_name(worst));
	at += l->worst;
	if (l->bar && r->measured)
		layer_bar(c, row, at, l->bar, r);
}

/* What is not shown, and why. */
static void choice_line(const struct ui *ui, struct cells *c, int row)
{
	const struct row_choice *choice = &ui->choice;
	int at = 0;

	at += cells_text(c, row, at, c->columns, STYLE_DIM, "%s of %s",
			 units_count(ui->rows.count).s, units_count(ui->model->seen).s);
	if (ui->model->seen > ui->model->request_count)
		at += cells_text(c, row, at, c->columns - at, STYLE_DIM, ", %s %s kept",
				 units_count(ui->model->request_count).s,
				 ui->model->latest ? "latest" : "sampled");
	if (choice->filter_text[0])
		at += cells_text(c, row, at, c->columns - at, STYLE_KEY, " · filter %s",
				 choice->filter_text);
	if (choice->search[0])
		at += cells_text(c, row, at, c->columns - at, STYLE_KEY, " · with \"%s\"",
				 choice->search);
	if (choice->bucket.set)
		at += cells_text(c, row, at, c->columns - at, STYLE_KEY, " · %s %s to %s",
				 measure_name(&choice->bucket.what).s,
				 units_ns(choice->bucket.from_ns, c->utf8).s,
				 units_ns(choice->bucket.to_ns, c->utf8).s);
	if (ui->follow)
		cells_text(c, row, at, c->columns - at, STYLE_GOOD, " · following");
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	struct layout l = layout_of(a.columns);
	size_t room = (size_t)a.rows - 2;

	choice_line(ui, c, a.row);
	heading(ui, c, a.row + 1, &l);
	if (ui->position < ui->top)
		ui->top = ui->position;
	if (ui->position >= ui->top + room)
		ui->top = ui->position - room + 1;
	if (ui->top + room > ui->rows.count)
		ui->top = ui->rows.count > room ? ui->rows.count - room : 0;
	for (size_t i = 0; i < room && ui->top + i < ui->rows.count; i++) {
		int row = a.row + 2 + (int)i;

		list_row(ui, c, row, &ui->model->requests[ui->rows.at[ui->top + i]], &l);
		if (ui->top + i != ui->position)
			continue;
		cells_select(c, row, 0, a.columns);
		c->cursor_row = row;
		c->cursor_column = 0;
	}
	if (!ui->rows.count)
		cells_text(c, a.row + 3, 2, a.columns - 4, STYLE_TEXT, "%s",
			   ui->model->seen ? "no request is left: u shows all again"
					   : "no request was seen on the wire");
}

static void move(struct ui *ui, long by)
{
	long to = (long)ui->position + by;

	ui->follow = false;
	ui_select(ui, to < 0 ? 0 : (size_t)to);
}

static void mark(struct ui *ui)
{
	for (int i = 0; i < ui->mark_count; i++) {
		if (ui->marks[i] != ui->selected)
			continue;
		ui->marks[i] = ui->marks[--ui->mark_count];
		return;
	}
	if (ui->mark_count == MARKS_MAX)
		ui_say(ui, "%d requests are marked: that is the most", MARKS_MAX);
	else if (ui->selected)
		ui->marks[ui->mark_count++] = ui->selected;
}

static void next_mark(struct ui *ui)
{
	for (size_t i = 1; i <= ui->rows.count; i++) {
		size_t at = (ui->position + i) % ui->rows.count;

		if (!marked(ui, ui->model->requests[ui->rows.at[at]].number))
			continue;
		ui->follow = false;
		ui_select(ui, at);
		return;
	}
	ui_say(ui, "no request that is shown is marked");
}

static bool act(struct ui *ui, enum action a)
{
	switch (a) {
	case ACTION_UP:
	case ACTION_DOWN:
		move(ui, a == ACTION_UP ? -1 : 1);
		return true;
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
		move(ui, a == ACTION_PAGE_UP ? -ui->page : ui->page);
		return true;
	case ACTION_FIRST:
		move(ui, -(long)ui->position);
		return true;
	case ACTION_LAST:
		move(ui, (long)ui->rows.count);
		return true;
	case ACTION_OPEN:
		if (ui_choose(ui, ui->selected))
			ui->view = VIEW_LADDER;
		return true;
	case ACTION_MARK:
		mark(ui);
		return true;
	case ACTION_NEXT_MARK:
		next_mark(ui);
		return true;
	default:
		return false;
	}
}

static void click(struct ui *ui, int row, int column)
{
	size_t at = ui->top + (size_t)(row - 2);
	bool again = at == ui->position;

	(void)column;
	if (row < 2 || at >= ui->rows.count)
		return;
	ui->follow = false;
	ui_select(ui, at);
	if (again)
		act(ui, ACTION_OPEN);
}

const struct view_info view_list = {
	.name = "list", .title = "requests", .draw = draw, .act = act, .click = click};
