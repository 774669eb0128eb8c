/* Two recordings beside each other. */
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

void compare_lines(const struct versus *v, int columns, struct lines *l)
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
	lines_add(l, STYLE_TEXT, "%s", "");
	lines_add(l, STYLE_DIM,
		  "less, MORE: p < 0.05 after Holm's correction, and beyond 1 %% and %s.",
		  units_ns((uint64_t)v->floor_ns, false).s);
	lines_add(l, STYLE_DIM,
		  "Two recordings also differ by when they were made: strata compare");
	lines_add(l, STYLE_DIM, "takes turns between modes, so that it does not matter.");
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	if (!ui->versus) {
		lines_add(&l, STYLE_TEXT, "Nothing to compare with. Name a second recording:");
		lines_add(&l, STYLE_TEXT, "strata tui RECORDING RECORDING");
	} else {
		compare_lines(ui->versus, a.columns, &l);
	}
	lines_draw(&l, ui, c, a);
}

const struct view_info view_compare = {
	.name = "compare", .title = "two recordings", .draw = draw};
