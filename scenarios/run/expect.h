/*
 * What is expected of an experiment: relations between what was measured in its cells.
 *
 *     p99(noise) > 1.5 * p99(alone)      blame(noise).vm = noisy      steal(noise@50) > 20%
 *
 * A relation is either between two measures of the same unit or, for shares and words, with a
 * value. There are no absolute times: what a machine takes for something is nobody's business.
 */
#ifndef STRATA_SCENARIOS_RUN_EXPECT_H
#define STRATA_SCENARIOS_RUN_EXPECT_H

#include <stdbool.h>
#include <stdio.h>

enum measure_unit { MEASURE_NS, MEASURE_RATE, MEASURE_SHARE, MEASURE_COUNT, MEASURE_WORD };

/* One row of measures.def. */
enum measure {
#define MEASURE(id, ...) MEASURE_##id,
#include "scenarios/run/measures.def"
#undef MEASURE
	MEASURES
};

struct measure_info {
	const char *name;
	enum measure_unit unit;
	bool higher; /* is better, where one can say so */
	const char *help;
};

extern const struct measure_info measure_table[MEASURES];

enum relation {
	RELATION_LESS,
	RELATION_AT_MOST,
	RELATION_MORE,
	RELATION_AT_LEAST,
	RELATION_IS,
	RELATION_NOT
};

struct operand {
	bool measured; /* else a value: number or, of words, word */
	enum measure measure;
	unsigned int cell;
	int strength;  /* -1: the last of the list */
	double number; /* the value, or what the measure is multiplied with */
	char word[32];
};

struct expectation {
	struct operand left, right;
	enum relation relation;
	char text[160];
	int line;
};

struct scenario;

/* -1 with a sentence. */
int expect_parse(struct expectation *e, const struct scenario *s, const char *text);

/*
 * What an operand's measure was: a number (NaN: it was not measured) or a word ("" likewise).
 * difference is that of two measured operands, each times its number: the median of those of
 * the rounds, for what a machine that is slower for a while does to one cell of a round it does
 * to the other.
 */
struct expect_source {
	double (*number)(void *ctx, const struct operand *o);
	double (*difference)(void *ctx, const struct operand *left,
			     const struct operand *right);
	const char *(*word)(void *ctx, const struct operand *o);
	void *ctx;
};

enum expect_verdict { EXPECT_HOLDS, EXPECT_FAILS, EXPECT_UNKNOWN };

/* said: what was found on both sides, "2.31 ms, 1.05 ms". */
enum expect_verdict expect_judge(const struct expectation *e,
				 const struct expect_source *source, char *said, size_t bytes);

#endif
