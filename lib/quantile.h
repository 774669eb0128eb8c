/*
 * Quantiles of any number of durations in bounded memory.
 *
 * Up to QUANTILE_EXACT values are kept and the answer is exact (nearest rank). Beyond that
 * they are counted in bins whose width is 1/1024 of their value at most; minimum, maximum,
 * count and sum stay exact.
 */
#ifndef STRATA_LIB_QUANTILE_H
#define STRATA_LIB_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUANTILE_EXACT 65536

struct quantile {
	uint64_t *values; /* exact, until there are too many */
	size_t capacity;
	bool sorted;
	uint64_t *bins; /* from then on */
	uint64_t count, sum, min, max;
};

/* A zeroed struct is an empty one. */
void quantile_free(struct quantile *q);

/* -1 with a sentence if memory is short. */
int quantile_add(struct quantile *q, uint64_t value);

/* The smallest value that at least that part (0..1) of all values does not exceed. 0 if there
 * is none: ask count first, missing is not zero. */
uint64_t quantile_at(struct quantile *q, double part);

#endif
