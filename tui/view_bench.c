/*
 * A bench or a scenario, at work or done: how far it is, what it does right now, what it has
 * measured, and what it could not, with the reason.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "tui/bench.h"
#include "tui/lines.h"

#define NARROW      72 /* columns: name, samples, median */
#define WIDE        100
#define BAR_MAX     40
#define OLD_S       30 /* what is at work writes each second, but while a long sample is taken */
#define NAMES_BYTES 2000
#define NONE                                                                                 \
	"No document of a bench or a scenario was named, and there is none in out/ of this " \
	"folder. \"strata bench\" writes out/bench/bench.json, and anew as it goes."

/* ---- how far ---- */

static const char *state(const struct bench *b)
{
	return b->running ? "in progress" : b->interrupted ? "interrupted" : "finished";
}

/* "90 s", "15 min", "31 h" */
static void about(double seconds, char *text, size_t bytes)
{
	if (seconds < 120)
		snprintf(text, bytes, "%.0f s", seconds);
	else if (seconds < 7200)
		snprintf(text, bytes, "%.0f min", seconds / 60);
	else
		snprintf(text, bytes, "%.0f h", seconds / 3600);
}

static void bar_line(const struct bench *b, int columns, struct lines *l)
{
	int width = columns / 3 < BAR_MAX ? columns / 3 : BAR_MAX, full = 0;
	char bar[3 * BAR_MAX + 1] = "", left[48] = "", span[24];
	size_t at = 0;

	if (b->asked)
		full = (int)((double)b->done / b->asked * width + 0.5);
	for (int i = 0; i < width; i++)
		at += (size_t)snprintf(bar + at, sizeof(bar) - at, "%s", i < full ? "█" : "·");
	if (isfinite(b->left_s)) {
		about(b->left_s, span, sizeof(span));
		snprintf(left, sizeof(left), ", about %s left", span);
	}
	lines_add(l, STYLE_GOOD, "%s %u of %u samples%s", bar, b->done, b->asked, left);
}

static void now_line(const struct bench *b, struct lines *l)
{
	char when[80] = "", span[24];

	if (b->age_s >= 0) {
		about(b->age_s, span, sizeof(span));
		snprintf(when, sizeof(when), ", as of %s ago%s", span,
			 b->age_s > OLD_S ? ": a long sample, or it is gone" : "");
	}
	if (b->doing[0])
		lines_add(l, b->age_s > OLD_S ? STYLE_BAD : STYLE_TEXT,
			  "round %u of %u: %s%s%s%s%s", b->round, b->rounds, b->doing,
			  b->in[0] ? " (" : "", b->in, b->in[0] ? ")" : "", when);
	else if (b->rounds)
		lines_add(l, b->age_s > OLD_S ? STYLE_BAD : STYLE_TEXT,
			  "round %u of %u: bringing up %s%s", b->round, b->rounds,
			  b->in[0] ? b->in : "what comes next", when);
	else
		lines_add(l, STYLE_TEXT, "bringing up %s", b->in);
}

/* ---- results ---- */

static void samples_text(const struct bench_row *r, char *text, size_t bytes)
{
	if (r->asked && r->asked != r->n)
		snprintf(text, bytes, "%u/%u", r->n, r->asked);
	else
		snprintf(text, bytes, "%u", r->n);
}

static void interval_text(const struct bench_row *r, char *text, size_t bytes)
{
	const char *unit = strcmp(r->unit, "ns") ? "" : r->unit;
	char low[40], high[40];

	text[0] = '\0';
	if (!isfinite(r->low) || !isfinite(r->high))
		return;
	bench_value(r->low, unit, low, sizeof(low));
	bench_value(r->high, unit, high, sizeof(high));
	low[*unit ? strlen(low) : strcspn(low, " ")] = '\0';
	high[*unit ? strlen(high) : strcspn(high, " ")] = '\0';
	snprintf(text, bytes, "[%s, %s]", low, high);
}

static void heading(int columns, struct lines *l)
{
	if (columns < NARROW)
		lines_add(l, STYLE_STRONG, "%-17.17s %6s %s", "", "n", "median");
	else if (columns < WIDE)
		lines_add(l, STYLE_STRONG, "%-22.22s %-14.14s %6s %14s %s", "", "in", "n",
			  "median", "95 % interval");
	else
		lines_add(l, STYLE_STRONG, "%-26.26s %-24.24s %7s %20s %-24s %s", "", "in", "n",
			  "median", "95 % interval", "twins differ by");
}

static void row_line(const struct bench *b, const struct bench_row *r, int columns,
		     struct lines *l)
{
	enum style style = bench_is_now(b, r) ? STYLE_KEY
			   : !r->n            ? STYLE_DIM
			   : r->failed[0]     ? STYLE_BAD
					      : STYLE_TEXT;
	const char *mode = r->cell[0] ? "" : r->mode; /* a scenario's mode is its cell */
	char n[24], median[48], interval[96], noise[16] = "";

	samples_text(r, n, sizeof(n));
	bench_value(r->median, r->unit, median, sizeof(median));
	interval_text(r, interval, sizeof(interval));
	if (isfinite(r->noise))
		snprintf(noise, sizeof(noise), "%.1f %%", 100 * r->noise);
	if (columns < NARROW)
		lines_add(l, style, "%-17.17s %6s %s", r->name, n, median);
	else if (columns < WIDE)
		lines_add(l, style, "%-22.22s %-14.14s %6s %14s %s", r->name, mode, n, median,
			  interval);
	else
		lines_add(l, style, "%-26.26s %-24.24s %7s %20s %-24s %s", r->name, mode, n,
			  median, interval, noise);
}

static void results(const struct bench *b, int columns, struct lines *l)
{
	const char *cell = "";

	for (size_t i = 0; i < b->count; i++) {
		const struct bench_row *r = &b->rows[i];

		if (r->skipped[0])
			continue;
		if (strcmp(cell, r->cell) != 0) {
			lines_add(l, STYLE_TEXT, "%s", "");
			lines_add(l, STYLE_STRONG, "%s", r->cell);
		}
		cell = r->cell;
		row_line(b, r, columns, l);
	}
}

/* ---- what is missing, and why ---- */

static const char *skipped(const struct bench_row *r)
{
	return r->skipped;
}

static const char *failed(const struct bench_row *r)
{
	return r->skipped[0] ? "" : r->failed;
}

/* All that have the reason of row i; false: it was told with an earlier one. */
static bool who(const struct bench *b, size_t i, const char *(*why)(const struct bench_row *),
		char *names, size_t bytes)
{
	size_t at = 0;

	names[0] = '\0';
	for (size_t k = 0; k < b->count; k++) {
		const struct bench_row *r = &b->rows[k];

		if (strcmp(why(r), why(&b->rows[i])) != 0)
			continue;
		if (k < i)
			return false;
		if (at + 120 < bytes)
			at += (size_t)snprintf(names + at, bytes - at, "%s%s%s%s%s",
					       at ? ", " : "", r->name, r->mode[0] ? " (" : "",
					       r->mode, r->mode[0] ? ")" : "");
	}
	return true;
}

static void missing(const struct bench *b, const char *(*why)(const struct bench_row *),
		    const char *title, int columns, struct lines *l)
{
	char names[NAMES_BYTES];
	int told = 0;

	for (size_t i = 0; i < b->count && l->count < LINES_MAX; i++) {
		if (!why(&b->rows[i])[0] || !who(b, i, why, names, sizeof(names)))
			continue;
		if (!told++) {
			lines_add(l, STYLE_TEXT, "%s", "");
			lines_add(l, STYLE_STRONG, "%s", title);
		}
		lines_paragraph(l, STYLE_TEXT, 2, columns, why(&b->rows[i]));
		lines_paragraph(l, STYLE_DIM, 4, columns, names);
	}
}

/* ---- of a scenario: what was expected, and what is to be said ---- */

static void expectations(const struct bench *b, int columns, struct lines *l)
{
	if (b->verdict[0]) {
		lines_add(l, STYLE_TEXT, "%s", "");
		lines_paragraph(l, STYLE_STRONG, 0, columns, b->verdict);
	}
	if (b->expectations)
		lines_add(l, STYLE_TEXT, "%s", "");
	for (size_t i = 0; i < b->expectations; i++) {
		const struct bench_expected *e = &b->expected[i];
		bool fails = !strcmp(e->verdict, "fails");

		lines_add(l, fails ? STYLE_BAD : STYLE_GOOD, "%-8s %s: %s", e->verdict, e->text,
			  e->found);
	}
}

static void bench_lines(const struct bench *b, int columns, struct lines *l)
{
	lines_add(l, b->interrupted ? STYLE_BAD : STYLE_STRONG, "%s: %s", state(b), b->title);
	if (b->running && b->asked)
		bar_line(b, columns, l);
	if (b->running)
		now_line(b, l);
	expectations(b, columns, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	heading(columns, l);
	results(b, columns, l);
	missing(b, failed, "some of its samples failed", columns, l);
	missing(b, skipped, "skipped", columns, l);
}

void bench_view_lines(const struct ui *ui, int columns, struct lines *l)
{
	if (ui->bench)
		bench_lines(ui->bench, columns, l);
	else if (ui->bench_error[0])
		lines_paragraph(l, STYLE_BAD, 0, columns, ui->bench_error);
	else
		lines_paragraph(l, STYLE_TEXT, 0, columns, NONE);
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	bench_view_lines(ui, a.columns - 2, &l);
	lines_draw(&l, ui, c, a);
}

const struct view_info view_bench = {
	.name = "bench", .title = "a bench or a scenario", .draw = draw};
