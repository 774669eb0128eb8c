/* What can be measured of a request: see measure.h. */
#include "tui/measure.h"

#include <stdio.h>

#include "tracer/attribution.h"
#include "tracer/summary.h"

static int add_layers(const struct model *m, enum strata_direction d, struct measure *out,
		      int n)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		enum strata_layer layer =
			(enum strata_layer)(d == DIRECTION_REQUEST ? i : LAYER_COUNT - 1 - i);

		if (summary_layer_here(m, layer, d))
			out[n++] = (struct measure){
				.kind = MEASURE_LAYER, .layer = layer, .direction = d};
	}
	return n;
}

int measure_layers(const struct model *m, struct measure out[MEASURES_MAX])
{
	int n = add_layers(m, DIRECTION_REQUEST, out, 0);

	n = add_layers(m, DIRECTION_REPLY, out, n);
	out[n++] = (struct measure){.kind = MEASURE_UNATTRIBUTED};
	out[n++] = (struct measure){.kind = MEASURE_TOTAL};
	return n;
}

int measure_hops(const struct model *m, struct measure out[MEASURES_MAX])
{
	int n = 0;

	for (int hop = m->earliest; hop < (int)m->last; hop++)
		if (m->hops[hop].here && (m->hops[hop].in_force || m->hops[hop].events))
			out[n++] = (struct measure){.kind = MEASURE_HOP,
						    .hop = (enum strata_hop)hop};
	return n;
}

static bool hop_took(const struct model *m, const struct request *r, enum strata_hop hop,
		     uint64_t *ns)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);

	for (size_t i = 0; i + 1 < n; i++) {
		if (rungs[i].hop != hop)
			continue;
		*ns = rungs[i].took_ns;
		return !rungs[i].unattributed;
	}
	return false;
}

/* Of a layer of which no hop was seen nothing is known. */
static bool layer_known(const struct model *m, const struct request *r, const struct measure *w)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);

	if (r->layer_ns[w->layer][w->direction])
		return true;
	for (size_t i = 0; i + 1 < n; i++)
		if (hop_table[rungs[i].hop].layer == w->layer &&
		    hop_table[rungs[i].hop].direction == w->direction && !rungs[i].unattributed)
			return true;
	return false;
}

bool measure_of(const struct model *m, const struct request *r, const struct measure *what,
		uint64_t *ns)
{
	if (!r->measured)
		return false;
	switch (what->kind) {
	case MEASURE_TOTAL:
		*ns = r->end_to_end_ns;
		return true;
	case MEASURE_LAYER:
		*ns = r->layer_ns[what->layer][what->direction];
		return layer_known(m, r, what);
	case MEASURE_UNATTRIBUTED:
		*ns = r->unattributed_ns[DIRECTION_REQUEST] +
		      r->unattributed_ns[DIRECTION_REPLY];
		return true;
	default:
		return hop_took(m, r, what->hop, ns);
	}
}

struct quantile *measure_quantile(struct model *m, const struct measure *what)
{
	switch (what->kind) {
	case MEASURE_TOTAL:
		return &m->end_to_end;
	case MEASURE_LAYER:
		return &m->layers[what->layer][what->direction].took;
	case MEASURE_UNATTRIBUTED:
		return &m->unattributed;
	default:
		return &m->hops[what->hop].took;
	}
}

struct measure_name measure_name(const struct measure *what)
{
	struct measure_name name;

	if (what->kind == MEASURE_TOTAL)
		snprintf(name.s, sizeof(name.s), "end to end");
	else if (what->kind == MEASURE_UNATTRIBUTED)
		snprintf(name.s, sizeof(name.s), "unattributed");
	else if (what->kind == MEASURE_HOP)
		snprintf(name.s, sizeof(name.s), "%s", hop_table[what->hop].name);
	else
		snprintf(name.s, sizeof(name.s), "%s %s", direction_name(what->direction),
			 layer_name(what->layer));
	return name;
}

bool measure_same(const struct measure *a, const struct measure *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == MEASURE_HOP)
		return a->hop == b->hop;
	return a->kind != MEASURE_LAYER ||
	       (a->layer == b->layer && a->direction == b->direction);
}

enum style layer_style(enum strata_layer layer)
{
	return (enum style)(STYLE_EXTERNAL + (int)layer);
}

enum style measure_style(const struct measure *what)
{
	if (what->kind == MEASURE_TOTAL)
		return STYLE_STRONG;
	if (what->kind == MEASURE_UNATTRIBUTED)
		return STYLE_UNATTRIBUTED;
	return layer_style(what->kind == MEASURE_HOP ? hop_table[what->hop].layer
						     : what->layer);
}
