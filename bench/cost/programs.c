/* The price of each program: see programs.h. */
#include "bench/cost/programs.h"

#include <stdlib.h>
#include <string.h>

#include "bench/cost/load.h"
#include "bench/cost/observer.h"
#include "lib/err.h"
#include "lib/table.h"

static void add(struct program_costs *p, json_t *probe, double requests)
{
	json_int_t runs = json_integer_value(json_object_get(probe, "runs"));
	json_int_t ns = json_integer_value(json_object_get(probe, "run_time_ns"));
	const char *name = json_string_value(json_object_get(probe, "name"));
	struct program_cost *c = &p->cost[p->count];

	if (!name || !runs || p->count == PROGRAM_COSTS_MAX)
		return;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->hits = (double)runs / requests;
	c->ns = (double)ns / (double)runs;
	p->count++;
}

static int dearer(const void *a, const void *b)
{
	const struct program_cost *x = a, *y = b;
	double one = x->hits * x->ns, other = y->hits * y->ns;

	return one < other ? 1 : one > other ? -1 : 0;
}

static int read_probes(const struct site *s, double requests, struct program_costs *out)
{
	json_t *document, *probe;
	char path[300];
	size_t i;

	snprintf(path, sizeof(path), "%s/document.json", s->folder);
	document = json_load_file(path, 0, NULL);
	out->count = 0;
	json_array_foreach (json_object_get(document, "probes"), i, probe)
		add(out, probe, requests);
	json_decref(document);
	qsort(out->cost, out->count, sizeof(out->cost[0]), dearer);
	return out->count ? 0 : err_set("strata trace --stats told of no program that ran");
}

int programs_run(const struct site *s, unsigned int seconds, struct program_costs *out)
{
	struct load_result load;
	struct observed seen;
	struct watch w;
	int failed;

	if (observer_start(&w, &observer_stats, s))
		return -1;
	failed = load_run(s, seconds, 0, &load);
	if (observer_stop(&w, s, &seen) || failed)
		return -1;
	return read_probes(s, (double)load.requests, out);
}

json_t *programs_json(const struct program_costs *p)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < p->count; i++)
		json_array_append_new(list, json_pack("{s:s,s:f,s:f}", "name", p->cost[i].name,
						      "hits_per_request", p->cost[i].hits,
						      "ns_per_hit", p->cost[i].ns));
	return list;
}

static void row(struct table *t, const char *name, double hits, double ns)
{
	table_cell(t, COLOUR_NONE, "%s", name);
	table_cell(t, COLOUR_NONE, "%.2f", hits);
	if (hits > 0)
		table_cell(t, COLOUR_NONE, "%.0f", ns / hits);
	else
		table_cell(t, COLOUR_DIM, "-");
	table_cell(t, COLOUR_NONE, "%.0f", ns);
}

int programs_print(const struct program_costs *p, FILE *out)
{
	static const struct table_column columns[] = {
		{.header = "program"},
		{.header = "hits/request", .right = true},
		{.header = "ns/hit", .right = true},
		{.header = "ns/request", .right = true},
	};
	struct table *t = table_create(columns, sizeof(columns) / sizeof(*columns));
	double hits = 0, ns = 0;
	int result;

	if (!t)
		return -1;
	for (unsigned int i = 0; i < p->count; i++) {
		const struct program_cost *c = &p->cost[i];

		row(t, c->name, c->hits, c->hits * c->ns);
		hits += c->hits;
		ns += c->hits * c->ns;
	}
	row(t, "all", hits, ns);
	fprintf(out,
		"\nWithin the programs, as the kernel times them while they are timed:\n\n");
	result = table_print(t, out, table_style_of(out), 0);
	table_destroy(t);
	return result;
}
