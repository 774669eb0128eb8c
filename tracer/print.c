/* The result for people: see print.h. */
#include "tracer/print.h"

#include <string.h>

#include "lib/err.h"
#include "lib/units.h"
#include "tracer/summary.h"

#define BAR_WIDTH 24

static void quantile_cells(struct table *t, struct quantile *q, struct table_style style,
			   enum table_colour c)
{
	static const double parts[] = {0.5, 0.9, 0.99, 1.0};

	for (size_t i = 0; i < 4; i++)
		table_cell(t, c, "%s",
			   q->count ? units_ns(quantile_at(q, parts[i]), style.utf8).s
				    : "missing");
}

static void share_cells(struct table *t, const struct quantile *q, double share, double most,
			struct table_style style)
{
	char bar[3 * BAR_WIDTH + 1];

	if (!q->count) {
		table_cell(t, COLOUR_NONE, "missing");
		table_cell(t, COLOUR_NONE, "%s", "");
		return;
	}
	table_bar(bar, sizeof(bar), share, most, BAR_WIDTH, style.utf8);
	table_cell(t, COLOUR_NONE, "%.1f %%", share * 100);
	table_cell(t, COLOUR_CYAN, "%s", bar);
}

static double largest_share(const struct model *m)
{
	double most = summary_unattributed_share(m);

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++) {
			double share = summary_share(m, (enum strata_layer)layer,
						     (enum strata_direction)d);

			most = share > most ? share : most;
		}
	return most;
}

static void layer_rows(struct table *t, struct model *m, enum strata_direction d,
		       struct table_style style)
{
	bool first = true;

	for (int i = 0; i < LAYER_COUNT; i++) {
		enum strata_layer layer =
			(enum strata_layer)(d == DIRECTION_REQUEST ? i : LAYER_COUNT - 1 - i);

		if (!summary_layer_here(m, layer, d))
			continue;
		table_cell(t, COLOUR_BOLD, "%s", first ? direction_name(d) : "");
		table_cell(t, COLOUR_NONE, "%s", layer_name(layer));
		quantile_cells(t, &m->layers[layer][d].took, style, COLOUR_NONE);
		share_cells(t, &m->layers[layer][d].took, summary_share(m, layer, d),
			    largest_share(m), style);
		first = false;
	}
}

int print_layers(struct model *m, FILE *f, struct table_style style)
{
	static const struct table_column columns[] = {{.header = ""},
						      {.header = "layer"},
						      {.header = "p50", .right = true},
						      {.header = "p90", .right = true},
						      {.header = "p99", .right = true},
						      {.header = "max", .right = true},
						      {.header = "share", .right = true},
						      {.header = "", .shrink = 4}};
	struct table *t = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	int failed;

	if (!t)
		return -1;
	layer_rows(t, m, DIRECTION_REQUEST, style);
	layer_rows(t, m, DIRECTION_REPLY, style);
	table_cell(t, COLOUR_NONE, "%s", "");
	table_cell(t, COLOUR_NONE, "unattributed");
	quantile_cells(t, &m->unattributed, style, COLOUR_NONE);
	share_cells(t, &m->unattributed, summary_unattributed_share(m), largest_share(m),
		    style);
	table_rule(t);
	table_cell(t, COLOUR_NONE, "%s", "");
	table_cell(t, COLOUR_BOLD, "end to end");
	quantile_cells(t, &m->end_to_end, style, COLOUR_BOLD);
	table_cell(t, COLOUR_NONE, "100 %%");
	table_cell(t, COLOUR_NONE, "%s", "");
	failed = table_print(t, f, style, PRINT_COLUMNS);
	table_destroy(t);
	return failed;
}

/* Below the ladder, which shows one of the exits at most: the doorbell's. */
static void counts(const struct model *m, FILE *f)
{
	enum exit_kind kinds[EXIT_KINDS];
	size_t n = summary_exits(m, kinds);

	if (!m->exits_per_request.count)
		return;
	fprintf(f, "exits per request: %.1f", summary_mean(&m->exits_per_request));
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s %.1f", i ? ", " : " (", exit_kind_name(kinds[i]),
			summary_mean(&m->exits[kinds[i]].per_request));
	fprintf(f, "%s; interrupts: %.1f\n", n ? ")" : "",
		summary_mean(&m->interrupts_per_request));
}

int print_report(struct model *m, FILE *f)
{
	struct table_style style = table_style_of(f);
	const struct request *r = summary_typical(m);

	if (r) {
		fprintf(f, "%sOne typical request of %s%s\n", table_on(style, COLOUR_BOLD),
			units_count(m->seen).s, table_off(style));
		print_ladder(m, r, f, style);
		counts(m, f);
		print_tree(m, r, f, style);
		fputc('\n', f);
	} else {
		const char *why = summary_why_none(m);

		if (why)
			fprintf(f, "No request was seen on the wire: %s.\n", why);
		else
			fputs("No request was complete: there is no ladder to show.\n", f);
	}
	if (m->measured) {
		fprintf(f, "%sWhere the time went, %s requests%s\n\n",
			table_on(style, COLOUR_BOLD), units_count(m->measured).s,
			table_off(style));
		if (print_layers(m, f, style))
			return -1;
		fputc('\n', f);
	}
	print_facts(m, f, style);
	return fflush(f) || ferror(f) ? err_errno("writing the report") : 0;
}
