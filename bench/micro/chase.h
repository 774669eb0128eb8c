/* Pointers that lead through memory, one line of each page, in an order that is random and the
 * same every time: what walks of two levels of page tables cost, and what huge pages save. */
#ifndef STRATA_BENCH_MICRO_CHASE_H
#define STRATA_BENCH_MICRO_CHASE_H

#include "bench/micro/loop.h"

/* A machine with such memory and the pointers in it. */
int chase_setup(struct bench_context *c, enum micro_pages guest, enum micro_pages host);

/* Nanoseconds per load. */
int chase_run(struct bench_context *c, double figure[FIGURES_MAX]);

#endif
