/* The table: see report.h. */
#include "scenarios/compare/report.h"

#include <math.h>
#include <string.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/table.h"
#include "lib/units.h"

/* ---- one cell: "557 µs  540–580 ▲" ---- */

static const struct {
	double from, unit;
	const char *name, *ascii;
} scales[] = {
	{1e9, 1e9, "s", "s"},
	{1e6, 1e6, "ms", "ms"},
	{1e3, 1e3, "µs", "us"},
	{0, 1, "ns", "ns"},
};

/* Three significant digits. */
static void three_digits(char *text, size_t bytes, double v)
{
	snprintf(text, bytes, "%.*f", v >= 99.95 || v == 0 ? 0 : v >= 9.995 ? 1 : 2, v);
}

static void value_and_range(char value[24], char range[40], const struct judgement *x,
			    bool count, bool utf8)
{
	char low[16], high[16], middle[16];
	double unit = 1;
	const char *name = "";

	for (size_t i = 0; !count && i < sizeof(scales) / sizeof(*scales); i++) {
		if (x->median < scales[i].from)
			continue;
		unit = scales[i].unit;
		name = utf8 ? scales[i].name : scales[i].ascii;
		break;
	}
	three_digits(middle, sizeof(middle), x->median / unit);
	three_digits(low, sizeof(low), x->interval.low / unit);
	three_digits(high, sizeof(high), x->interval.high / unit);
	snprintf(value, 24, "%s%s%s", middle, *name ? " " : "", name);
	snprintf(range, 40, "%s%s%s", low, utf8 ? "–" : "-", high);
}

static const char *mark_of(enum verdict v, bool utf8)
{
	static const char *const fancy[] = {" ", "=", "▼", "▲"};
	static const char *const plain[] = {" ", "=", "v", "^"};

	return utf8 ? fancy[v] : plain[v];
}

static enum table_colour colour_of(enum verdict v)
{
	return v == VERDICT_MORE ? COLOUR_RED : v == VERDICT_LESS ? COLOUR_GREEN : COLOUR_NONE;
}

/* Right-aligned by hand: value, range and mark each in a column of its own. */
static void add_cell(struct table *t, const struct judgement *x, bool count, bool utf8)
{
	char value[24], range[40];

	if (!x->blocks) {
		table_cell(t, COLOUR_DIM, "%s", utf8 ? "–  " : "-  ");
		return;
	}
	value_and_range(value, range, x, count, utf8);
	table_cell(t, colour_of(x->verdict), "%s %*s%s %s", value,
		   table_width(range) < 11 ? (int)(11 - table_width(range)) : 0, "", range,
		   mark_of(x->verdict, utf8));
}

/* ---- the table ---- */

static bool is_shown(const struct arm *a)
{
	return a->twin_of < 0;
}

static void print_rows(const struct study *s, const struct judgements *j, struct table *t,
		       bool utf8)
{
	const char *group = "-";

	for (int row = 0; row < ROWS; row++) {
		const struct row *r = &compare_rows[row];

		table_cell(t, COLOUR_DIM, "%s", strcmp(group, r->group) ? r->group : "");
		group = r->group;
		table_cell(t, COLOUR_BOLD, "%s", r->title);
		for (int i = 0; i < s->arms; i++)
			if (is_shown(&s->arm[i]))
				add_cell(t, &j->of[i][row], r->count, utf8);
		if (r->rule)
			table_rule(t);
	}
}

static int print_table(const struct study *s, const struct judgements *j, FILE *f)
{
	struct table_column columns[2 + ARMS_MAX] = {{.header = ""}, {.header = ""}};
	struct table_style style = table_style_of(f);
	char headers[ARMS_MAX][48];
	struct table *t;
	size_t n = 2;
	int result;

	for (int i = 0; i < s->arms; i++) {
		if (!is_shown(&s->arm[i]))
			continue;
		snprintf(headers[i], sizeof(headers[i]), "%s%s", s->arm[i].name,
			 i == s->baseline ? " (baseline)" : "");
		columns[n].right = true;
		columns[n++].header = headers[i];
	}
	t = table_create(columns, n);
	if (!t)
		return -1;
	print_rows(s, j, t, style.utf8);
	result = table_print(t, f, style, 0);
	table_destroy(t);
	return result;
}

/* ---- what is to be known of it ---- */

static void print_twins(const struct study *s, const struct judgements *j, FILE *f)
{
	double largest = 0;

	for (int i = 0; i < s->arms; i++) {
		if (s->arm[i].twin_of < 0 || s->arm[i].left_out[0])
			continue;
		for (int row = 0; row < ROWS; row++)
			if (compare_rows[row].source == ROW_TOTAL &&
			    !isnan(j->twins_differ[row]))
				largest = j->twins_differ[row];
		fprintf(f, "twins       two machines of mode %s differ by %.1f %% end to end",
			place_name(s->arm[i].place), 100 * largest);
		if (j->twin_rows)
			fprintf(f, ", and are told apart in %d of %d rows",
				j->twin_rows_differing, j->twin_rows);
		fputc('\n', f);
	}
}

static void print_modes(const struct study *s, FILE *f)
{
	for (int i = 0; i < s->arms; i++) {
		const struct arm *a = &s->arm[i];

		if (a->left_out[0] && is_shown(a))
			fprintf(f, "left out    %s: %s\n", a->name, a->left_out);
		if (a->requests && (a->complete < a->requests || a->violations))
			fprintf(f,
				"quality     %s: %u of %u traced requests complete, %u causality "
				"violations\n",
				a->name, a->complete, a->requests, a->violations);
	}
}

int report_print(const struct study *s, const struct judgements *j, FILE *f)
{
	const struct compare_options *o = s->options;
	bool utf8 = table_style_of(f).utf8;

	fprintf(f, "Medians of %d blocks of %d requests, with 95 %% confidence intervals\n\n",
		s->rounds, o->requests);
	if (print_table(s, j, f))
		return -1;
	fprintf(f,
		"\n%s more, %s less than %s, significantly (permutation test of blocks, Holm over "
		"rows,\n  p < %.2f) and beyond the floor (1 %%, what twins differ by, the clocks' "
		"error); = not so\n\n",
		mark_of(VERDICT_MORE, utf8), mark_of(VERDICT_LESS, utf8),
		s->arm[s->baseline].name, JUDGE_P_MAX);
	if (s->interrupted)
		fprintf(f, "interrupted after %d of %d rounds\n", s->rounds, o->rounds);
	print_modes(s, f);
	print_twins(s, j, f);
	fputs("CPU         server: all threads of the VMM (the guest's time and vhost's worker "
	      "with them), or nginx;\n"
	      "            host: all other time of the host's CPUs but the client's: interrupts, "
	      "softirqs, kernel threads\n",
	      f);
	fprintf(f,
		"order       random in each round, --seed %llu; the block is the sample, each "
		"machine booted once\n",
		(unsigned long long)o->seed);
	if (environment_is_testbed())
		fputs("testbed     times in the testbed are those of an emulated machine: only "
		      "ratios mean something\n",
		      f);
	return ferror(f) ? err_errno("write the table") : 0;
}
