/* The time as intervals are measured in: CLOCK_MONOTONIC, which nobody sets (clock_gettime(2));
 * and as documents tell it. */
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

#define NOW_UTC_MAX sizeof("2026-01-31T23:59:59Z")

/* ISO 8601. Returns text. */
static inline const char *now_utc(char text[NOW_UTC_MAX])
{
	time_t t = time(NULL);
	struct tm tm;

	strftime(text, NOW_UTC_MAX, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return text;
}

#endif
