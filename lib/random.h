/*
 * Random numbers that a seed repeats: xoshiro256** (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled by splitmix64. Not for secrets.
 */
#ifndef STRATA_LIB_RANDOM_H
#define STRATA_LIB_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);

uint64_t random_next(struct random *r);

/* Uniform in [0, n); n > 0. */
uint64_t random_below(struct random *r, uint64_t n);

/* A random order of the numbers 0 to n - 1 (Fisher and Yates). */
void random_order(struct random *r, unsigned int *order, unsigned int n);

/* The first k of the n numbers become a random choice of all, in random order. */
void random_choose(struct random *r, unsigned int *order, unsigned int n, unsigned int k);

#endif
