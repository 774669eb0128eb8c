/*
 * The rows of the comparison: what is measured of each block, and where it is found.
 *
 * A block is the unit of all statistics: requests sent in one go to one server share what was
 * the matter with the machine then, so a hundred of them are not a hundred witnesses. Each row
 * has one figure per block: the median of its requests, or the mean where it counts things.
 */
#ifndef STRATA_SCENARIOS_COMPARE_ROWS_H
#define STRATA_SCENARIOS_COMPARE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/hop.h"

enum row_source {
	ROW_LAYER,
	ROW_UNATTRIBUTED,
	ROW_TOTAL,
	ROW_EXITS,
	ROW_INTERRUPTS,
	ROW_CLIENT,     /* latency at the client, untraced */
	ROW_CPU_SERVER, /* CPU time of the server's process, untraced */
	ROW_CPU_HOST,   /* CPU time of all else but the client, untraced */
};

struct row {
	enum row_source source;
	enum strata_layer layer; /* ROW_LAYER */
	enum strata_direction direction;
	const char *group, *title; /* for people: two columns */
	const char *name;          /* for programs */
	bool count;                /* things, not nanoseconds */
	bool rule;                 /* under it */
};

#define ROWS 17
extern const struct row compare_rows[ROWS];

/* What one block gave for one row. */
struct sample_set {
	double *value; /* one per request, or a single one */
	size_t n;
};

void samples_free(struct sample_set *s);

/* Take from a traced block's document (strata.trace/1 with its requests) what it says of the
 * row; none if this server has no such layer. -1 with a sentence. */
int row_from_trace(const struct row *row, const json_t *document, struct sample_set *out);

/* From the client's samples, a file of JSON lines. */
int row_from_client(const char *samples_path, struct sample_set *out);

/* A single figure. */
int row_single(double value, struct sample_set *out);

/* The block's figure: NaN if there are no samples. */
double row_figure(const struct row *row, const struct sample_set *s);

#endif
