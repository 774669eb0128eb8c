/*
 * The rows of the list: which of the model's requests are shown, and in what order. Requests
 * are named by their number, which stays, and not by where they stand, which does not.
 */
#ifndef STRATA_TUI_ROWS_H
#define STRATA_TUI_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracer/model.h"
#include "tui/measure.h"

enum column {
	COLUMN_TIME,
	COLUMN_CLIENT,
	COLUMN_PATH,
	COLUMN_STATUS,
	COLUMN_TOTAL,
	COLUMN_WORST,
	COLUMNS_COUNT
};

const char *column_name(enum column c);
int column_by_name(const char *name); /* -1: no such */

/* One bar of a histogram: values in [from_ns, to_ns). */
struct bucket {
	bool set;
	struct measure what;
	uint64_t from_ns, to_ns;
};

#define SEARCH_MAX 128
#define MARKS_MAX  64

struct row_choice {
	struct filter filter; /* the filter box */
	char filter_text[FILTER_TEXT_MAX];
	char search[SEARCH_MAX]; /* in method, path, client, status, as text; case counts not */
	struct bucket bucket;
	enum column sort;
	bool descending;
};

struct rows {
	uint32_t *at; /* indices into model->requests */
	size_t count, capacity;
};

/* -1 with a sentence if memory is short. */
int rows_build(struct rows *rows, const struct model *m, const struct row_choice *choice);
void rows_free(struct rows *rows);

/* Where the request of that number stands; SIZE_MAX: it is not among them. */
size_t rows_find(const struct rows *rows, const struct model *m, uint64_t number);

/* When it began, for sorting and for showing: its first hop, or its first byte on the wire. */
uint64_t request_began_ns(const struct request *r);

/* The layer that took most of it, both ways together. False: not measured. */
bool request_worst(const struct request *r, enum strata_layer *layer, uint64_t *ns);

#endif
