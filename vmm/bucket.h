/*
 * A token bucket: so many tokens a second, of which some may be saved up while nobody wants
 * any. It knows no clock: whoever asks says what time it is, in nanoseconds of a clock that
 * does not go back. What is missing is told as the time until it is there, so that one can wait
 * for exactly that long: there are no steps in which it is refilled.
 *
 * What is taken may exceed what there is, for of a frame one knows the length only when it has
 * been read: then it is a debt, and nothing is affordable until it is paid.
 *
 * Over any time t, no more than rate * t + burst + the last taken passes.
 */
#ifndef STRATA_VMM_BUCKET_H
#define STRATA_VMM_BUCKET_H

#include <stdint.h>

#define BUCKET_RATE_MAX  100000000000ULL /* tokens a second */
#define BUCKET_BURST_MAX 4000000000ULL   /* tokens saved, or owed */

struct bucket {
	uint64_t rate;  /* tokens a second; 0: no limit */
	uint64_t burst; /* as many are saved up, 1 at least */
	int64_t level;  /* billionths of a token; negative: a debt */
	uint64_t at;    /* when it was so */
};

/* From now on this rate, and what may be saved up. A bucket that had no limit is full, another
 * keeps its level. */
void bucket_set(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns);

/* Nanoseconds until so many tokens are there, or as many as can be; 0: now. */
uint64_t bucket_wait(struct bucket *b, uint64_t tokens, uint64_t now_ns);

void bucket_take(struct bucket *b, uint64_t tokens, uint64_t now_ns);

#endif
