/*
 * OpenMetrics 1.0: histograms of how long requests, layers and hops took, each bucket with the
 * latest request in it as an exemplar, named as in the OTLP export of the same recording; and
 * counters of what was seen and what was lost.
 *
 * Memory is that of the buckets, however many requests there are.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/version.h"
#include "tracer/attribution.h"
#include "reports/export/formats.h"
#include "reports/export/ids.h"
#include "reports/export/text.h"

/* Upper bounds: 1, 2, 5, 10, ... from 100 ns to 10 s. The last bucket has none. */
static const uint64_t bounds_ns[] = {
	100,        200,        500,        1000,        2000,      5000,      10000,
	20000,      50000,      100000,     200000,      500000,    1000000,   2000000,
	5000000,    10000000,   20000000,   50000000,    100000000, 200000000, 500000000,
	1000000000, 2000000000, 5000000000, 10000000000,
};

#define BOUNDS  (sizeof(bounds_ns) / sizeof(bounds_ns[0]))
#define BUCKETS (BOUNDS + 1)

struct exemplar {
	char trace_id[33];
	struct span_id span;
	uint64_t value_ns, at_ns;
};

struct histogram {
	uint64_t counts[BUCKETS]; /* not cumulated */
	uint64_t count, sum_ns;
	struct exemplar exemplars[BUCKETS];
};

struct openmetrics {
	struct histogram request, unattributed;
	struct histogram layers[LAYER_COUNT][DIRECTION_COUNT];
	struct histogram hops[HOP_COUNT];
	uint64_t answered[6]; /* by the first digit of the status; 0: other protocols */
	uint64_t unanswered;
};

/* ---- counting ---- */

static void add(struct histogram *h, uint64_t value_ns, const struct exemplar *x)
{
	size_t i = 0;

	while (i < BOUNDS && value_ns > bounds_ns[i])
		i++;
	h->counts[i]++;
	h->count++;
	h->sum_ns += value_ns;
	h->exemplars[i] = *x;
	h->exemplars[i].value_ns = value_ns;
}

static void add_parts(struct openmetrics *o, const struct export *e, const struct request *r,
		      struct exemplar *x, const struct trace_ids *ids)
{
	bool known[LAYER_COUNT][DIRECTION_COUNT] = {{false}};
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(e->m, r, rungs);

	for (size_t i = 0; i + 1 < n; i++) {
		const struct hop_info *hop = &hop_table[rungs[i].hop];

		if (rungs[i].unattributed)
			continue;
		x->span = span_id(ids, (unsigned int)i + 1);
		add(&o->hops[rungs[i].hop], rungs[i].took_ns, x);
		known[hop->layer][hop->direction] = true;
	}
	/* as everywhere: of which nothing is known took an unknown time, not none */
	x->span = span_id(ids, 0);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			if (known[layer][d])
				add(&o->layers[layer][d], r->layer_ns[layer][d], x);
}

static int request(struct export *e, const struct request *r)
{
	struct openmetrics *o = e->state;
	unsigned int class = r->http.status / 100;
	struct trace_ids ids;
	struct exemplar x;

	if (!r->http.answered)
		o->unanswered++;
	else
		o->answered[class < 6 ? class : 0]++;
	if (!r->measured)
		return 0;
	trace_ids_of(e, r, &ids);
	x = (struct exemplar){.span = span_id(&ids, 0),
			      .at_ns = export_wall_ns(e, r->http.reply_last_ns)};
	memcpy(x.trace_id, ids.trace_id, sizeof(x.trace_id));
	add(&o->request, r->end_to_end_ns, &x);
	add(&o->unattributed,
	    r->unattributed_ns[DIRECTION_REQUEST] + r->unattributed_ns[DIRECTION_REPLY], &x);
	add_parts(o, e, r, &x, &ids);
	return 0;
}

/* ---- writing ---- */

static void family(FILE *f, const char *name, const char *type, const char *unit,
		   const char *help)
{
	fprintf(f, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(f, "# UNIT %s %s\n", name, unit);
	fprintf(f, "# HELP %s %s\n", name, help);
}

/* A label's value: quotes, backslashes and ends of lines are escaped. */
static void label_value(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void bound(FILE *f, size_t i)
{
	if (i == BOUNDS)
		fputs("+Inf", f);
	else
		fprintf(f, bounds_ns[i] % 1000000000 ? "%g" : "%.1f",
			(double)bounds_ns[i] / 1e9);
}

/* labels: "a=\"b\"," or empty. */
static void write_histogram(FILE *f, const char *name, const char *labels,
			    const struct histogram *h)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		const struct exemplar *x = &h->exemplars[i];

		sum += h->counts[i];
		fprintf(f, "%s_bucket{%sle=\"", name, labels);
		bound(f, i);
		fprintf(f, "\"} %" PRIu64, sum);
		if (h->counts[i])
			fprintf(f, " # {trace_id=\"%s\",span_id=\"%s\"} %s %s", x->trace_id,
				x->span.s, text_fraction(x->value_ns, 9).s,
				text_fraction(x->at_ns, 9).s);
		fputc('\n', f);
	}
	fprintf(f, "%s_count", name);
	if (labels[0])
		fprintf(f, "{%.*s}", (int)strlen(labels) - 1, labels);
	fprintf(f, " %" PRIu64 "\n%s_sum", h->count, name);
	if (labels[0])
		fprintf(f, "{%.*s}", (int)strlen(labels) - 1, labels);
	fprintf(f, " %s\n", text_fraction(h->sum_ns, 9).s);
}

static void write_histograms(const struct export *e)
{
	const struct openmetrics *o = e->state;
	FILE *f = e->out;
	char labels[160];

	family(f, "strata_request_duration_seconds", "histogram", "seconds",
	       "A request, end to end.");
	write_histogram(f, "strata_request_duration_seconds", "", &o->request);
	family(f, "strata_unattributed_duration_seconds", "histogram", "seconds",
	       "Per request, the time that nobody knows whose it was.");
	write_histogram(f, "strata_unattributed_duration_seconds", "", &o->unattributed);
	family(f, "strata_layer_duration_seconds", "histogram", "seconds",
	       "Per request, the time of a layer in one direction.");
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++) {
			snprintf(labels, sizeof(labels), "layer=\"%s\",direction=\"%s\",",
				 layer_name((enum strata_layer)layer),
				 direction_name((enum strata_direction)d));
			if (o->layers[layer][d].count)
				write_histogram(f, "strata_layer_duration_seconds", labels,
						&o->layers[layer][d]);
		}
	family(f, "strata_hop_duration_seconds", "histogram", "seconds",
	       "From a hop to the next one that was seen.");
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		snprintf(labels, sizeof(labels), "hop=\"%s\",layer=\"%s\",direction=\"%s\",",
			 hop_table[hop].name, layer_name(hop_table[hop].layer),
			 direction_name(hop_table[hop].direction));
		if (o->hops[hop].count)
			write_histogram(f, "strata_hop_duration_seconds", labels,
					&o->hops[hop]);
	}
}

static void write_requests(const struct export *e)
{
	static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
	const struct openmetrics *o = e->state;

	family(e->out, "strata_requests", "counter", NULL,
	       "Requests that were seen, by the class of their status.");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		fprintf(e->out, "strata_requests_total{status=\"%s\"} %" PRIu64 "\n",
			classes[i], o->answered[i]);
	fprintf(e->out, "strata_requests_total{status=\"unanswered\"} %" PRIu64 "\n",
		o->unanswered);
	family(e->out, "strata_requests_partial", "counter", NULL,
	       "Requests of which a hop that belongs to them was not seen.");
	fprintf(e->out, "strata_requests_partial_total %" PRIu64 "\n", e->partial);
}

static void write_trust(const struct export *e)
{
	const struct model *m = e->m;
	FILE *f = e->out;

	family(f, "strata_events", "counter", NULL, "Events that were recorded.");
	fprintf(f, "strata_events_total %" PRIu64 "\n", m->events);
	family(f, "strata_events_lost", "counter", NULL,
	       "Events that were lost, by the place.");
	for (int s = 0; s < LOST_STAGES; s++)
		fprintf(f, "strata_events_lost_total{stage=\"%s\"} %" PRIu64 "\n",
			lost_stage_name((enum lost_stage)s), m->lost[s]);
	family(f, "strata_causality_violations", "counter", NULL,
	       "Effects that were seen before their causes, by more than the clocks' error.");
	fprintf(f, "strata_causality_violations_total %" PRIu64 "\n", m->violations);
	family(f, "strata_clock_error_seconds", "gauge", "seconds",
	       "Bound of what a guest's times may be off from the host's.");
	for (unsigned int i = 1; i < m->domain_count; i++) {
		if (!m->domains[i].aligned)
			continue;
		fputs("strata_clock_error_seconds{clock=\"", f);
		label_value(f, m->domains[i].name);
		fprintf(f, "\"} %s\n", text_fraction(m->domains[i].error_ns, 9).s);
	}
	family(f, "strata_recording", "info", NULL, "What was traced.");
	fprintf(f, "strata_recording_info{version=\"%s\",place=\"%s\",mode=\"", STRATA_VERSION,
		place_name(m->place));
	label_value(f, m->mode);
	fputs("\",switch=\"", f);
	label_value(f, m->switch_kind);
	fputs("\"} 1\n", f);
}

static int end(struct export *e)
{
	write_histograms(e);
	write_requests(e);
	write_trust(e);
	fputs("# EOF\n", e->out);
	return 0;
}

const struct export_format export_openmetrics = {
	.name = "openmetrics",
	.title = "histograms with exemplars, and counters, for Prometheus and others",
	.ways = EXPORT_SERVES,
	.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	.state_bytes = sizeof(struct openmetrics),
	.request = request,
	.end = end,
};
