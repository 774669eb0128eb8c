/*
 * One clock for all kernels.
 *
 * Every domain (the host, each guest) has a CLOCK_MONOTONIC of its own; what they share is
 * the time stamp counter: guest TSC = host TSC * ratio + offset, and KVM says ratio and
 * offset. Each domain leaves samples (TSC, CLOCK_MONOTONIC) from bracketed reads; between
 * samples the line is interpolated. A guest's time becomes a TSC by the guest's line, a host
 * TSC by offset and ratio, and a host time by the host's line.
 *
 * The error bound is what the brackets leave open: half the widest bracket used on either
 * side, plus the largest residual of a sample against its neighbours' line.
 */
#ifndef STRATA_LIB_CLOCK_H
#define STRATA_LIB_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_DOMAINS_MAX 16 /* 0 is the host */

struct clock_sample {
	uint64_t tsc;     /* of the domain itself, middle of the bracket */
	uint64_t time_ns; /* its CLOCK_MONOTONIC */
	uint64_t bracket; /* width of the bracket, TSC ticks */
};

/* Best of many bracketed reads on this machine, now. */
struct clock_sample clock_sample_now(void);

/* What to add to this machine's CLOCK_REALTIME to get its CLOCK_MONOTONIC, now: the time of day
 * between two readings of the other clock. */
int64_t clock_realtime_to_monotonic_ns(void);

struct clock;

struct clock *clock_create(void);
void clock_destroy(struct clock *c);

/*
 * Memory is bounded: of many samples every other one is left out, and the error bound says what
 * that costs. After this it is the oldest that go: for those who ask about times that move on
 * with the samples, as in a trace that goes on for days.
 */
void clock_keep_latest(struct clock *c);

/* How domain's TSC relates to the host's: domain TSC = host TSC * ratio + offset. Wraps modulo
 * 2^64. */
void clock_set_relation(struct clock *c, unsigned int domain, int64_t offset, double ratio);

/* Samples may come in any number, oldest first per domain; a sample that runs backwards is
 * refused (-1). */
int clock_add(struct clock *c, unsigned int domain, const struct clock_sample *s);

/* Can times of that domain be converted? (Always true for 0.) */
bool clock_ready(const struct clock *c, unsigned int domain);

/* A domain's time on the host's line; outside the samples the nearest line is extended. */
uint64_t clock_to_host(const struct clock *c, unsigned int domain, uint64_t time_ns);

/* Bound of the conversion's error; 0 for the host. */
uint64_t clock_error_ns(const struct clock *c, unsigned int domain);

#endif
