/* The time as intervals are measured in: CLOCK_MONOTONIC, which nobody sets (clock_gettime(2)).
 */
#ifndef STRATA_LIB_NOW_H
#define STRATA_LIB_NOW_H

#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline int64_t now_ms(void)
{
	return (int64_t)(now_ns() / 1000000u);
}

#endif
