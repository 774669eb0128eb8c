/*
 * What may be said of the figures.
 *
 * Per arm and row: the median of its blocks' figures, with a 95 % bootstrap interval that
 * resamples blocks. Against the baseline: a permutation test of the blocks' figures
 * (lib/statistics.h), corrected by Holm for the number of rows. A difference is called one if
 * the corrected p is below 0.05 and it exceeds the floor: 1 % of the baseline, what the twins
 * differ by in that row, and for traced durations the error of the clocks.
 */
#ifndef STRATA_SCENARIOS_COMPARE_JUDGE_H
#define STRATA_SCENARIOS_COMPARE_JUDGE_H

#include "lib/statistics.h"
#include "scenarios/compare/study.h"

enum verdict { VERDICT_NONE, VERDICT_SAME, VERDICT_LESS, VERDICT_MORE };

struct judgement {
	double figure[COMPARE_ROUNDS_MAX]; /* per block */
	size_t blocks;
	double median;
	struct interval interval;
	double difference, ratio; /* from and to the baseline */
	double floor;             /* what a difference must exceed, absolute */
	double p, p_holm;
	enum verdict verdict; /* NONE: it is the baseline, or one of the two has no figure */
};

struct judgements {
	struct judgement of[ARMS_MAX][ROWS];
	double twins_differ[ROWS]; /* relative; NaN: unknown */
	int twin_rows, twin_rows_differing;
};

/* P_MAX and smallest difference looked for, relative to the baseline. */
#define JUDGE_P_MAX 0.05
#define JUDGE_FLOOR 0.01

void judge(struct judgements *j, const struct study *s);

const char *verdict_name(enum verdict v); /* "same", "less", "more", NULL for none */

#endif
