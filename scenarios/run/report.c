/* A run for people: see run.h. */
#include <math.h>
#include <stdio.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/table.h"
#include "lib/units.h"
#include "scenarios/run/run.h"

#define BAR_WIDTH 40

static void cell_ns(struct table *t, double ns, bool utf8)
{
	if (isnan(ns))
		table_cell(t, COLOUR_DIM, "-");
	else
		table_cell(t, COLOUR_NONE, "%s", units_ns((uint64_t)ns, utf8).s);
}

static void cell_times(struct table *t, double part, double whole)
{
	if (isnan(part) || !(whole > 0))
		table_cell(t, COLOUR_DIM, "-");
	else
		table_cell(t, COLOUR_NONE, "%.2f", part / whole);
}

static void cell_share(struct table *t, double share)
{
	if (isnan(share))
		table_cell(t, COLOUR_DIM, "-");
	else
		table_cell(t, COLOUR_NONE, "%.0f %%", 100 * share);
}

static void add_row(struct table *t, const struct run *r, const struct variant *v, bool utf8)
{
	const struct variant *quiet = run_quiet(r);
	double p99 = variant_figure(r, v, MEASURE_P99);

	table_cell(t, COLOUR_BOLD, "%s", variant_name(r, v).s);
	table_cell(t, COLOUR_NONE, "%.4g", variant_figure(r, v, MEASURE_SERVED));
	cell_ns(t, variant_figure(r, v, MEASURE_P50), utf8);
	cell_ns(t, p99, utf8);
	cell_times(t, p99, quiet ? variant_figure(r, quiet, MEASURE_P99) : NAN);
	cell_share(t, variant_figure(r, v, MEASURE_STEAL));
	cell_share(t, variant_figure(r, v, MEASURE_WAIT));
	for (int m = MEASURE_EXTERNAL; m <= MEASURE_SERVICE; m++)
		cell_ns(t, variant_figure(r, v, (enum measure)m), utf8);
}

static int print_cells(const struct run *r, FILE *f, struct table_style style)
{
	static const struct table_column columns[] = {
		{.header = "cell"},
		{.header = "served/s", .right = true},
		{.header = "p50", .right = true},
		{.header = "p99", .right = true},
		{.header = "x alone", .right = true},
		{.header = "steal", .right = true},
		{.header = "wait", .right = true},
		{.header = "external", .right = true},
		{.header = "host", .right = true},
		{.header = "hypervisor", .right = true},
		{.header = "vm", .right = true},
		{.header = "service", .right = true},
	};
	struct table *t = table_create(columns, sizeof(columns) / sizeof(*columns));
	int result;

	if (!t)
		return -1;
	for (unsigned int i = 0; i < r->variants; i++)
		add_row(t, r, &r->variant[i], style.utf8);
	result = table_print(t, f, style, 0);
	table_destroy(t);
	return result;
}

static double largest_p99(const struct run *r)
{
	double most = 0;

	for (unsigned int i = 0; i < r->variants; i++)
		most = fmax(most, variant_figure(r, &r->variant[i], MEASURE_P99));
	return most;
}

/* p99 over the noise's strength, a bar for each. */
static void print_curve(const struct run *r, FILE *f, struct table_style style)
{
	double most = largest_p99(r);

	if (r->s->noise.strengths < 2)
		return;
	fprintf(f, "\np99 over strength, %s\n", r->s->noise.kind->unit);
	for (unsigned int i = 0; i < r->variants; i++) {
		const struct variant *v = &r->variant[i];
		double p99 = variant_figure(r, v, MEASURE_P99);
		char bar[3 * BAR_WIDTH + 1];

		if (isnan(p99))
			continue;
		table_bar(bar, sizeof(bar), p99, most, BAR_WIDTH, style.utf8);
		fprintf(f, "  %-20s %10s  %s\n", variant_name(r, v).s,
			units_ns((uint64_t)p99, style.utf8).s, bar);
	}
}

static void print_blame(const struct run *r, FILE *f)
{
	for (unsigned int i = 0; i < r->variants; i++) {
		const struct variant *v = &r->variant[i];
		char text[300];

		run_blame_text(r, v, text, sizeof(text));
		if (*text && r->s->cell[v->cell].noise)
			fprintf(f, "%s: requests took %s longer; %s\n", variant_name(r, v).s,
				units_ns((uint64_t)v->blame.all_grew_ns, table_style_of(f).utf8)
					.s,
				text);
	}
}

static void print_expectations(struct run *r, FILE *f, struct table_style style)
{
	static const char *const words[] = {[EXPECT_HOLDS] = "holds",
					    [EXPECT_FAILS] = "FAILS",
					    [EXPECT_UNKNOWN] = "UNKNOWN"};
	struct expect_source source = run_source(r);

	for (unsigned int i = 0; i < r->s->expects; i++) {
		const struct expectation *e = &r->s->expect[i];
		char said[100];
		enum expect_verdict v = expect_judge(e, &source, said, sizeof(said));

		fprintf(f, "%s%-7s%s  %s  (%s; line %d)\n",
			table_on(style, v == EXPECT_HOLDS ? COLOUR_GREEN : COLOUR_RED),
			words[v], table_off(style), e->text, said, e->line);
	}
}

int run_report(struct run *r, FILE *f)
{
	struct table_style style = table_style_of(f);
	char text[1000];

	fprintf(f,
		"%s: %s\n%u round%s, %.1f requests a second to VM %s%s; medians of rounds; "
		"--seed %llu\n\n",
		r->s->name, r->s->title, r->rounds_done, r->rounds_done == 1 ? "" : "s",
		r->rate, r->s->vm[r->s->load.vm].name,
		r->saturation > 0 ? ", a part of its saturation" : "",
		(unsigned long long)r->o->seed);
	if (print_cells(r, f, style))
		return -1;
	print_curve(r, f, style);
	fputc('\n', f);
	print_blame(r, f);
	fputc('\n', f);
	print_expectations(r, f, style);
	run_verdict(r, text, sizeof(text));
	fprintf(f, "\n%s\n\nrecordings %s/*.strata, document %s/results.json\n", text,
		r->o->folder, r->o->folder);
	if (environment_is_testbed())
		fputs("testbed    times in the testbed are those of an emulated machine: only "
		      "relations mean something\n",
		      f);
	return ferror(f) ? err_errno("write the report") : 0;
}
