/* Quantiles in bounded memory: see quantile.h. */
#include "lib/quantile.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

/* Bins: values below 2048 have one each; above, each power of two is cut into 1024. */
#define SUB_BITS 10
#define BINS     ((size_t)(64 - SUB_BITS + 1) << SUB_BITS)

static size_t bin_of(uint64_t v)
{
	unsigned int shift;

	if (v < 2u << SUB_BITS)
		return (size_t)v;
	shift = 63 - (unsigned int)__builtin_clzll(v) - SUB_BITS;
	return ((size_t)shift << SUB_BITS) + (size_t)(v >> shift);
}

/* The largest value in a bin: a quantile must not be reported smaller than it is. */
static uint64_t bin_top(size_t bin)
{
	size_t shift = bin >> SUB_BITS;

	if (bin < 2u << SUB_BITS)
		return bin;
	shift--;
	return ((((uint64_t)bin - ((uint64_t)shift << SUB_BITS)) + 1) << shift) - 1;
}

void quantile_free(struct quantile *q)
{
	free(q->values);
	free(q->bins);
	memset(q, 0, sizeof(*q));
}

static int to_bins(struct quantile *q)
{
	q->bins = calloc(BINS, sizeof(*q->bins));
	if (!q->bins)
		return err_set("out of memory for a histogram");
	for (uint64_t i = 0; i < q->count; i++)
		q->bins[bin_of(q->values[i])]++;
	free(q->values);
	q->values = NULL;
	return 0;
}

static int grow(struct quantile *q)
{
	size_t capacity = q->capacity ? q->capacity * 2 : 64;
	uint64_t *values = realloc(q->values, capacity * sizeof(*values));

	if (!values)
		return err_set("out of memory for %zu durations", capacity);
	q->values = values;
	q->capacity = capacity;
	return 0;
}

int quantile_add(struct quantile *q, uint64_t value)
{
	if (!q->bins && q->count == QUANTILE_EXACT && to_bins(q))
		return -1;
	if (!q->bins && q->count == q->capacity && grow(q))
		return -1;
	if (q->bins)
		q->bins[bin_of(value)]++;
	else
		q->values[q->count] = value;
	q->min = q->count && q->min < value ? q->min : value;
	q->max = q->max > value ? q->max : value;
	q->sum += value;
	q->count++;
	q->sorted = false;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t quantile_at(struct quantile *q, double part)
{
	uint64_t rank, seen = 0;
	double exact = part * (double)q->count;

	if (!q->count)
		return 0;
	rank = (uint64_t)exact;
	/* nearest rank: round up, but not for what only binary fractions add (0.07 * 100) */
	rank += exact - (double)rank > 1e-9 * exact;
	rank = rank < 1 ? 1 : rank > q->count ? q->count : rank;
	if (!q->bins) {
		if (!q->sorted)
			qsort(q->values, q->count, sizeof(*q->values), compare);
		q->sorted = true;
		return q->values[rank - 1];
	}
	for (size_t i = 0; i < BINS; i++) {
		seen += q->bins[i];
		if (seen >= rank) {
			uint64_t top = bin_top(i);

			return top < q->max ? top : q->max;
		}
	}
	return q->max;
}
