/*
 * Two recordings beside each other: for each layer and hop the median and its interval, and
 * whether the two differ.
 *
 * Requests that follow each other shared what was the matter with the machine then, so they are
 * not independent witnesses. Each recording is cut into blocks of as many consecutive
 * requests; a block's median is one figure, and figures are what intervals and tests are made
 * of (lib/statistics.h). Even so two recordings differ by more than what one wanted to compare:
 * they were made at two times. "strata compare" takes turns for that reason.
 */
#ifndef STRATA_TUI_VERSUS_H
#define STRATA_TUI_VERSUS_H

#include "lib/statistics.h"
#include "tracer/model.h"
#include "tui/measure.h"

#define VERSUS_BLOCKS 12

struct versus_row {
	struct measure what;
	bool hop;
	double median[2]; /* ns; NaN: no data */
	struct interval interval[2];
	double difference, ratio, p; /* p: corrected for the number of rows; NaN: untested */
	int verdict;                 /* -1 less, 0 the same as far as can be told, 1 more; 2: no
					data on one side */
};

struct versus {
	char name[2][128];
	struct versus_row *rows;
	int count;
	size_t requests[2];
	double floor_ns; /* clock errors: below this nothing is said to differ */
};

/* Compare b with a. NULL with a sentence. The models are not kept. */
struct versus *versus_create(const struct model *a, const char *a_name, const struct model *b,
			     const char *b_name);
void versus_free(struct versus *v);

#endif
