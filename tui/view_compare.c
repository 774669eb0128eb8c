/* Recordings beside each other: two with all that is known of how they differ, or one and
 * several others, as emulated beside virtio beside vhost beside passthrough. */
#include <math.h>
#include <stdio.h>

#include "lib/units.h"
#include "tui/lines.h"

static struct units_text figure(double ns)
{
	struct units_text none = {"no data"};

	return isnan(ns) ? none : units_ns((uint64_t)(ns + 0.5), false);
}

static void interval(const struct versus_row *r, int side, char *text, size_t bytes)
{
	if (isnan(r->median[side]))
		snprintf(text, bytes, "%9s %-21s", "no data", "");
	else
		snprintf(text, bytes, "%9s [%s, %s]", figure(r->median[side]).s,
			 figure(r->interval[side].low).s, figure(r->interval[side].high).s);
}

static const char *verdict(const struct versus_row *r)
{
	return r->verdict < 0 ? "less" : r->verdict == 1 ? "MORE" : r->verdict ? "-" : "same";
}

static enum style verdict_style(const struct versus_row *r)
{
	return r->verdict < 0 ? STYLE_GOOD : r->verdict == 1 ? STYLE_BAD : STYLE_TEXT;
}

static void row_line(const struct versus_row *r, int columns, struct lines *l)
{
	char a[112], b[112], ratio[16];

	snprintf(ratio, sizeof(ratio), "%.2f", r->ratio);
	if (isnan(r->ratio))
		snprintf(ratio, sizeof(ratio), "-");
	if (columns < 56) {
		lines_add(l, verdict_style(r), "%-19s %6s %s", measure_name(&r->what).s, ratio,
			  verdict(r));
		return;
	}
	if (columns < 88) {
		lines_add(l, verdict_style(r), "%-19s %9s %9s %6s %s", measure_name(&r->what).s,
			  figure(r->median[0]).s, figure(r->median[1]).s, ratio, verdict(r));
		return;
	}
	interval(r, 0, a, sizeof(a));
	interval(r, 1, b, sizeof(b));
	lines_add(l, verdict_style(r), "%-19s %-32s %-32s %6s %s", measure_name(&r->what).s, a,
		  b, ratio, verdict(r));
}

static void two(const struct versus *v, int columns, struct lines *l)
{
	int hops = 0;

	lines_add(l, STYLE_STRONG, "a  %s, %s requests", v->name[0],
		  units_count(v->requests[0]).s);
	lines_add(l, STYLE_STRONG, "b  %s, %s requests", v->name[1],
		  units_count(v->requests[1]).s);
	lines_add(l, STYLE_TEXT, "%s", "");
	if (columns < 56)
		lines_add(l, STYLE_STRONG, "%-19s %6s %s", "median", "b/a", "b is");
	else if (columns < 88)
		lines_add(l, STYLE_STRONG, "%-19s %9s %9s %6s %s", "median", "a", "b", "b/a",
			  "b is");
	else
		lines_add(l, STYLE_STRONG, "%-19s %9s %-22s %9s %-22s %6s %s", "median", "a",
			  "95 % interval", "b", "95 % interval", "b/a", "b is");
	for (int i = 0; i < v->count; i++) {
		if (v->rows[i].hop && !hops++)
			lines_add(l, STYLE_TEXT, "%s", "");
		row_line(&v->rows[i], columns, l);
	}
}

/* ---- one and several others ---- */

static const struct versus_row *row_of(const struct versus *v, const struct measure *what)
{
	for (int i = 0; i < v->count; i++)
		if (measure_same(&v->rows[i].what, what))
			return &v->rows[i];
	return NULL;
}

/* Was it a row of one of those before? */
static bool was_told(const struct ui *ui, int before, const struct measure *what)
{
	for (int i = 0; i < before; i++)
		if (row_of(ui->versus[i], what))
			return true;
	return false;
}

static void beside_row(const struct ui *ui, const struct versus_row *r, int columns,
		       struct lines *l)
{
	int wide = columns >= 20 + 10 + 14 * ui->versus_count;
	char line[LINE_BYTES];
	int at = snprintf(line, sizeof(line), wide ? "%-19s %9s" : "%-13.13s %8s",
			  measure_name(&r->what).s, figure(r->median[0]).s);

	for (int i = 0; i < ui->versus_count; i++) {
		const struct versus_row *other = row_of(ui->versus[i], &r->what);

		at += snprintf(
			line + at, sizeof(line) - (size_t)at, wide ? " %8s %-4s" : " %8s",
			figure(other ? other->median[1] : NAN).s, other ? verdict(other) : "-");
	}
	lines_add(l, STYLE_TEXT, "%s", line);
}

static void beside_heading(const struct ui *ui, int columns, struct lines *l)
{
	int wide = columns >= 20 + 10 + 14 * ui->versus_count;
	char line[LINE_BYTES];
	int at = snprintf(line, sizeof(line), wide ? "%-19s %9s" : "%-13.13s %8s", "median",
			  "a");

	for (int i = 0; i < ui->versus_count; i++) {
		lines_add(l, STYLE_STRONG, "%c  %s, %s requests", 'b' + i,
			  ui->versus[i]->name[1], units_count(ui->versus[i]->requests[1]).s);
		at += snprintf(line + at, sizeof(line) - (size_t)at,
			       wide ? " %8c     " : " %8c", 'b' + i);
	}
	lines_add(l, STYLE_TEXT, "%s", "");
	lines_add(l, STYLE_STRONG, "%s", line);
}

static void beside(const struct ui *ui, int columns, struct lines *l)
{
	lines_add(l, STYLE_STRONG, "a  %s, %s requests", ui->versus[0]->name[0],
		  units_count(ui->versus[0]->requests[0]).s);
	beside_heading(ui, columns, l);
	for (int hops = 0; hops < 2; hops++) {
		for (int i = 0; i < ui->versus_count; i++)
			for (int k = 0; k < ui->versus[i]->count; k++) {
				const struct versus_row *r = &ui->versus[i]->rows[k];

				if (r->hop == hops && !was_told(ui, i, &r->what))
					beside_row(ui, r, columns, l);
			}
		lines_add(l, STYLE_TEXT, "%s", "");
	}
	lines_add(l, STYLE_DIM, "Right and left: each of them with a alone, with intervals.");
}

/* ---- all of it ---- */

static void rules(const struct ui *ui, struct lines *l)
{
	lines_add(l, STYLE_TEXT, "%s", "");
	lines_add(l, STYLE_DIM,
		  "less, MORE: p < 0.05 after Holm's correction, and beyond 1 %% and %s.",
		  units_ns((uint64_t)ui->versus[0]->floor_ns, false).s);
	lines_add(l, STYLE_DIM,
		  "Recordings also differ by when they were made: strata compare takes");
	lines_add(l, STYLE_DIM, "turns between modes, so that it does not matter.");
}

void compare_lines(const struct ui *ui, int columns, struct lines *l)
{
	int shown = ui->versus_count == 1 ? 1 : ui->versus_shown;

	if (ui->others_coming)
		lines_add(l, STYLE_BAD, "%d more to compare with, being read",
			  ui->others_coming);
	if (!ui->versus_count && !ui->others_coming) {
		lines_add(l, STYLE_TEXT, "Nothing to compare with. Name a second recording:");
		lines_add(l, STYLE_TEXT, "strata tui RECORDING RECORDING");
	}
	if (!ui->versus_count)
		return;
	if (shown)
		two(ui->versus[shown - 1], columns, l);
	else
		beside(ui, columns, l);
	rules(ui, l);
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	compare_lines(ui, a.columns, &l);
	lines_draw(&l, ui, c, a);
}

static bool act(struct ui *ui, enum action a)
{
	int shown = ui->versus_shown + (a == ACTION_RIGHT) - (a == ACTION_LEFT);

	if (a != ACTION_LEFT && a != ACTION_RIGHT)
		return ui_scroll(ui, a);
	if (shown >= 0 && shown <= ui->versus_count)
		ui->versus_shown = shown;
	return true;
}

const struct view_info view_compare = {
	.name = "compare", .title = "recordings beside each other", .draw = draw, .act = act};
