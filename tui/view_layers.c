/*
 * Where the time went: layers or hops as a table of percentiles, and of the chosen row a
 * histogram; a bucket's requests are one key away.
 */
#include <stdio.h>

#include "lib/units.h"
#include "tracer/summary.h"
#include "tui/histogram.h"
#include "tui/view.h"

#define NAME_WIDTH     20
#define NUMBER_WIDTH   10
#define BUCKET_ROWS    6 /* of bars */
#define BUCKET_COLUMNS 2 /* of one bar */

struct sheet {
	struct area table, histogram;
	int numbers; /* percentiles that fit */
	int bar;     /* column of the bar; 0: none */
	double most; /* largest share of a row that is a part */
};

static const struct {
	const char *title;
	double part;
} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1.0}};

static struct sheet sheet_of(struct area a)
{
	struct sheet s = {.table = a, .numbers = 4};
	int below = BUCKET_ROWS + 3;

	while (s.numbers > 1 && NAME_WIDTH + NUMBER_WIDTH * s.numbers + 8 > a.columns)
		s.numbers--;
	s.bar = NAME_WIDTH + NUMBER_WIDTH * s.numbers + 8;
	if (s.bar + 8 > a.columns)
		s.bar = 0;
	if (a.rows >= below + 5) {
		s.table.rows -= below;
		s.histogram = (struct area){a.row + s.table.rows, below, a.columns};
	}
	return s;
}

static int measures(const struct ui *ui, struct measure out[MEASURES_MAX])
{
	return ui->layers.hops ? measure_hops(ui->model, out) : measure_layers(ui->model, out);
}

static double share(const struct model *m, const struct quantile *q)
{
	return m->end_to_end.sum ? (double)q->sum / (double)m->end_to_end.sum : 0;
}

static double largest(const struct ui *ui, const struct measure *list, int count)
{
	double most = 0;

	for (int i = 0; i < count; i++) {
		double part = share(ui->model, measure_quantile(ui->model, &list[i]));

		if (list[i].kind != MEASURE_TOTAL && part > most)
			most = part;
	}
	return most;
}

static void heading(struct cells *c, const struct sheet *s, const struct ui *ui)
{
	int column = NAME_WIDTH;

	cells_text(c, s->table.row, 0, NAME_WIDTH, STYLE_STRONG, "%s",
		   ui->layers.hops ? "hop, until the next" : "layer");
	for (int i = 0; i < s->numbers; i++, column += NUMBER_WIDTH)
		cells_right(c, s->table.row, column, NUMBER_WIDTH - 1, STYLE_STRONG, "%s",
			    percentiles[i].title);
	cells_right(c, s->table.row, column, 7, STYLE_STRONG, "share");
}

static void table_row(const struct ui *ui, struct cells *c, const struct sheet *s, int row,
		      const struct measure *what)
{
	struct quantile *q = measure_quantile(ui->model, what);
	enum style style = measure_style(what);
	int column = NAME_WIDTH;

	cells_text(c, row, 0, NAME_WIDTH - 1, style, "%s", measure_name(what).s);
	if (!q->count) {
		cells_right(c, row, column, NUMBER_WIDTH - 1, STYLE_DIM, "no data");
		return;
	}
	for (int i = 0; i < s->numbers; i++, column += NUMBER_WIDTH)
		cells_right(c, row, column, NUMBER_WIDTH - 1, STYLE_TEXT, "%s",
			    units_ns(quantile_at(q, percentiles[i].part), true).s);
	cells_right(c, row, column, 7, STYLE_TEXT, "%.1f %%", share(ui->model, q) * 100);
	if (s->bar)
		cells_bar(c, row, s->bar, c->columns - s->bar - 1, share(ui->model, q), s->most,
			  style);
}

static void bars(const struct ui *ui, struct cells *c, struct area a, const struct histogram *h,
		 const struct measure *what)
{
	for (int i = 0; i < h->count; i++) {
		double part = (double)h->requests[i] / (double)h->most * BUCKET_ROWS * 8;
		int eighths = h->requests[i] && part < 1 ? 1 : (int)(part + 0.5);
		int column = 1 + i * BUCKET_COLUMNS;

		for (int k = 0; k < BUCKET_ROWS; k++) {
			int part_here = eighths - k * 8 > 8 ? 8 : eighths - k * 8;

			if (part_here > 0)
				cells_fill(
					c, a.row + BUCKET_ROWS - k, column, BUCKET_COLUMNS - 1,
					part_here == 8 ? 0x2588 : 0x2580 + (uint32_t)part_here,
					measure_style(what));
		}
		if (ui->layers.in_buckets && i == ui->layers.bucket) {
			cells_select(c, a.row + BUCKET_ROWS + 1, column, BUCKET_COLUMNS - 1);
			c->cursor_row = a.row + BUCKET_ROWS + 1;
			c->cursor_column = column;
		}
	}
}

static void histogram(struct ui *ui, struct cells *c, struct area a, const struct measure *what)
{
	struct histogram h;
	int most = (a.columns - 2) / BUCKET_COLUMNS, row = a.row + a.rows - 1;

	if (!a.rows)
		return;
	histogram_make(&h, ui->model, what, most);
	cells_fill(c, a.row, 0, a.columns, 0x2500, STYLE_FRAME);
	cells_text(c, a.row, 1, a.columns, STYLE_STRONG, " %s ", measure_name(what).s);
	if (!h.count) {
		cells_text(c, a.row + 2, 2, a.columns, STYLE_DIM, "no data");
		return;
	}
	if (ui->layers.bucket >= h.count)
		ui->layers.bucket = h.count - 1;
	for (int i = 0; i < h.count; i++)
		cells_fill(c, row - 1, 1 + i * BUCKET_COLUMNS, 1, 0x00b7, STYLE_DIM);
	bars(ui, c, a, &h, what);
	if (ui->layers.in_buckets)
		cells_text(c, row, 1, a.columns - 2, STYLE_STRONG,
			   "%s to %s: %s requests; Enter lists them",
			   units_ns(h.from_ns[ui->layers.bucket], true).s,
			   units_ns(h.from_ns[ui->layers.bucket + 1], true).s,
			   units_count(h.requests[ui->layers.bucket]).s);
	else
		cells_text(c, row, 1, a.columns - 2, STYLE_DIM,
			   "%s to %s, %s requests at most in a bar%s",
			   units_ns(h.from_ns[0], true).s, units_ns(h.from_ns[h.count], true).s,
			   units_count(h.most).s, h.no_data ? "; some: no data" : "");
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	struct layers_state *l = &ui->layers;
	struct measure list[MEASURES_MAX];
	struct sheet s = sheet_of(a);
	int count = measures(ui, list), room = s.table.rows - 1;

	if (!count)
		return;
	l->row = l->row >= count ? count - 1 : l->row;
	l->top = l->row < l->top ? l->row : l->top;
	l->top = l->row >= l->top + room ? l->row - room + 1 : l->top;
	s.most = largest(ui, list, count);
	heading(c, &s, ui);
	for (int i = 0; i < room && l->top + i < count; i++) {
		int row = s.table.row + 1 + i;

		table_row(ui, c, &s, row, &list[l->top + i]);
		if (l->top + i != l->row)
			continue;
		cells_select(c, row, 0, NAME_WIDTH - 1);
		if (!l->in_buckets) {
			c->cursor_row = row;
			c->cursor_column = 0;
		}
	}
	histogram(ui, c, s.histogram, &list[l->row]);
}

static void show_bucket(struct ui *ui, const struct measure *what)
{
	struct histogram h;

	histogram_make(&h, ui->model, what, (ui->columns - 2) / BUCKET_COLUMNS);
	if (!h.count)
		return;
	if (ui->layers.bucket >= h.count)
		ui->layers.bucket = h.count - 1;
	ui->choice.bucket = histogram_bucket(&h, what, ui->layers.bucket);
	ui->view = VIEW_LIST;
	if (ui_rebuild(ui))
		ui->choice.bucket.set = false;
}

static void move(struct ui *ui, int to, int count)
{
	ui->layers.row = to < 0 ? 0 : to >= count ? count - 1 : to;
	ui->layers.in_buckets = false;
	ui->layers.bucket = 0;
}

static void move_bucket(struct ui *ui, int by)
{
	struct layers_state *l = &ui->layers;

	l->bucket = l->in_buckets && (l->bucket || by > 0) ? l->bucket + by : l->bucket;
	l->in_buckets = true;
}

static bool act(struct ui *ui, enum action a)
{
	struct layers_state *l = &ui->layers;
	struct measure list[MEASURES_MAX];
	int count;

	if (!ui->model)
		return false;
	count = measures(ui, list);
	if (!count)
		return false;
	l->row = l->row >= count ? count - 1 : l->row;
	switch (a) {
	case ACTION_UP:
	case ACTION_DOWN:
		move(ui, l->row + (a == ACTION_UP ? -1 : 1), count);
		return true;
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
		move(ui, l->row + (a == ACTION_PAGE_UP ? -10 : 10), count);
		return true;
	case ACTION_FIRST:
	case ACTION_LAST:
		move(ui, a == ACTION_FIRST ? 0 : count - 1, count);
		return true;
	case ACTION_LEFT:
	case ACTION_RIGHT:
		move_bucket(ui, a == ACTION_LEFT ? -1 : 1);
		return true;
	case ACTION_OPEN:
		if (l->in_buckets)
			show_bucket(ui, &list[l->row]);
		l->in_buckets = !l->in_buckets;
		return true;
	case ACTION_HOPS:
		l->hops = !l->hops;
		move(ui, 0, count);
		l->top = 0;
		return true;
	case ACTION_BACK:
		if (!l->in_buckets)
			return false;
		l->in_buckets = false;
		return true;
	default:
		return false;
	}
}

static void click(struct ui *ui, int row, int column)
{
	struct measure list[MEASURES_MAX];

	(void)column;
	if (row >= 1 && row <= ui->page)
		move(ui, ui->layers.top + row - 1, measures(ui, list));
}

const struct view_info view_layers = {.name = "layers",
				      .title = "where the time went",
				      .draw = draw,
				      .act = act,
				      .click = click};
