/*
 * What can be said of a few samples: medians, how sure they are, whether two differ.
 *
 * Nothing is assumed of how the samples are distributed. Intervals are percentile bootstrap
 * (Efron and Tibshirani, "An Introduction to the Bootstrap", 13); tests are permutation tests
 * (Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 3), exact where all
 * arrangements can be tried, else with (b + 1) / (m + 1) of Davison and Hinkley, so that p is
 * never 0. Both draw from a generator that the caller seeded: the same seed, the same answer.
 *
 * Samples are never changed; NaN is not a sample. Threading: no state but the generator.
 */
#ifndef STRATA_LIB_STATISTICS_H
#define STRATA_LIB_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/random.h"

#define STATISTICS_RESAMPLES    2000
#define STATISTICS_PERMUTATIONS 10000
#define STATISTICS_FAR_ENOUGH   1000

struct interval {
	double low, high;
};

/* The middle value, or the mean of the two in the middle. NaN if there are none. */
double statistics_median(const double *v, size_t n);

/* The value that a part (0 to 1) of all do not exceed, between two samples if it must be
 * (Hyndman and Fan 1996, definition 7). NaN if there are none. */
double statistics_quantile(const double *v, size_t n, double part);

/* Which samples lie more than three interquartile ranges beyond the quartiles: "far out"
 * (Tukey, "Exploratory Data Analysis", 2D). */
void statistics_outliers(const double *v, size_t n, bool *out);

/* The interval that holds the true median with 95 % confidence. NaN of no samples. */
struct interval statistics_median_interval(const double *v, size_t n, struct random *r);

/* The same for median(a) / median(b) of independent samples. */
struct interval statistics_ratio_interval(const double *a, size_t na, const double *b,
					  size_t nb, struct random *r);

/*
 * How likely medians at least so far apart are if both samples came from one source: p,
 * two-sided. 1 if either is empty.
 */
double statistics_permutation(const double *a, size_t na, const double *b, size_t nb,
			      struct random *r);

/*
 * The same for pairs taken together (one block of an interleaved run): difference[i] is a[i] -
 * b[i], and what is exchanged is its sign; the statistic is the mean difference.
 */
double statistics_paired_permutation(const double *difference, size_t n, struct random *r);

/* Holm's correction of n p-values for having looked at all of them, in place (Holm 1979). */
void statistics_holm(double *p, size_t n);

#endif
