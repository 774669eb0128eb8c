/*
 * Results as documents have them, and what may be said of them.
 *
 * Of one: median, 95 % bootstrap interval, which samples are far out (named, never dropped),
 * and the noise floor: what the session's twins differ by, and its first half from its second.
 *
 * Of two: a difference is called one if a permutation test corrected by Holm for the number of
 * results compared has p < 0.05, and it exceeds 1 %, both noise floors, and the benchmark's
 * absolute floor.
 */
#ifndef STRATA_BENCH_SUITE_JUDGE_H
#define STRATA_BENCH_SUITE_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/statistics.h"

#define RESULT_SAMPLES_MAX 1000
#define JUDGE_P_MAX        0.05
#define JUDGE_FLOOR        0.01
#define JUDGE_FLOOR_WITHIN 0.03
#define JUDGE_OURS         "strata"

struct result {
	/* Borrowed from the document. */
	const char *name, *subject, *monitor, *where, *unit, *skipped, *failed;
	bool higher;
	double floor;
	double *value; /* n of them */
	bool *twin;
	unsigned int *round; /* that it is of */
	size_t n;
};

struct noise {
	double twins; /* how far apart the medians are, relative to the smaller; NaN: too few */
	double drift; /* ... of the first half and the second */
	double p;     /* that twins are of one source */
};

struct results {
	struct result *of;
	size_t count;
	bool paired; /* machines of one mode were measured side by side, by turns */
};

/* All results of a document of schema strata.bench/1. The document must outlive them. -1 with a
 * sentence: it is none, or not as its schema says. */
int results_read(struct results *r, json_t *document, const char *name);
void results_free(struct results *r);

struct noise judge_noise(const struct result *x, struct random *r);

enum verdict { VERDICT_SAME, VERDICT_BETTER, VERDICT_WORSE, VERDICT_TOO_FEW, VERDICT_MISSING };

const char *verdict_text(enum verdict v);

struct comparison {
	const struct result *a, *b; /* either may be missing: NULL */
	double median_a, median_b;
	double ratio; /* b / a; of pairs: the median of theirs */
	struct interval interval;
	double floor; /* relative to the smaller one */
	double p, p_holm;
	double least_p;       /* that so many samples can give: all of one kind on one side */
	enum verdict verdict; /* of b */
};

/* All of a's results, and those of b that a has not. An array of *count, to be freed; NULL with
 * a sentence. */
struct comparison *judge_pairs(const struct results *a, const struct results *b, uint64_t seed,
			       size_t *count);

/*
 * strata's machines (b) beside each other monitor's (a), in the same mode of the same session.
 * Arms of one session are interleaved, so that its drift meets both: what must be exceeded is 3
 * % and the benchmark's floor, and p is corrected for each benchmark's comparisons. If they
 * were measured side by side, each round is a pair: what is judged is the ratios of pairs.
 */
struct comparison *judge_monitors(const struct results *all, uint64_t seed, size_t *count);

#endif
