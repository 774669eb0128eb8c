/*
 * What can be measured of a request, one by one: what the histogram, the filter by bucket and
 * the comparison have in common.
 */
#ifndef STRATA_TUI_MEASURE_H
#define STRATA_TUI_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tracer/model.h"
#include "tui/cells.h"

enum measure_kind { MEASURE_TOTAL, MEASURE_LAYER, MEASURE_UNATTRIBUTED, MEASURE_HOP };

struct measure {
	enum measure_kind kind;
	enum strata_layer layer;         /* MEASURE_LAYER */
	enum strata_direction direction; /* MEASURE_LAYER */
	enum strata_hop hop;             /* MEASURE_HOP: the time until the next one */
};

#define MEASURES_MAX (2 + LAYER_COUNT * DIRECTION_COUNT + HOP_COUNT)

/* Those that this recording can have: layers in the order of the path, the unattributed slice
 * and the total; or hops. Returns how many. */
int measure_layers(const struct model *m, struct measure out[MEASURES_MAX]);
int measure_hops(const struct model *m, struct measure out[MEASURES_MAX]);

/* What it is of that request. False: it was not measured there, which is not 0. */
bool measure_of(const struct model *m, const struct request *r, const struct measure *what,
		uint64_t *ns);

/* All requests' together. */
struct quantile *measure_quantile(struct model *m, const struct measure *what);

/* "request host", "reply vm", "nic.rx", "end to end" */
struct measure_name {
	char s[32];
} measure_name(const struct measure *what);

bool measure_same(const struct measure *a, const struct measure *b);
enum style measure_style(const struct measure *what);
enum style layer_style(enum strata_layer layer);

#endif
