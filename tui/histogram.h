/* How requests spread over a measure: buckets whose widths grow with their values, about four
 * to a doubling, between the least and the most that was measured. */
#ifndef STRATA_TUI_HISTOGRAM_H
#define STRATA_TUI_HISTOGRAM_H

#include "tui/measure.h"
#include "tui/rows.h"

#define HISTOGRAM_BUCKETS_MAX 64

struct histogram {
	int count;                                   /* of buckets; 0: no data */
	uint64_t from_ns[HISTOGRAM_BUCKETS_MAX + 1]; /* bucket i: [from[i], from[i + 1]) */
	uint64_t requests[HISTOGRAM_BUCKETS_MAX];
	uint64_t most;    /* in one bucket */
	uint64_t no_data; /* requests of which it was not measured */
};

/* Of the requests that were kept; at most so many buckets. */
void histogram_make(struct histogram *h, const struct model *m, const struct measure *what,
		    int buckets_max);

struct bucket histogram_bucket(const struct histogram *h, const struct measure *what, int at);

#endif
