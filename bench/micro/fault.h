/* First touches of memory by the guest: what filling in the second level of page tables costs.
 */
#ifndef STRATA_BENCH_MICRO_FAULT_H
#define STRATA_BENCH_MICRO_FAULT_H

#include "bench/micro/loop.h"

/* A KVM with two levels of page tables. */
int fault_needs(const struct bench_context *c);

/* A machine with memory of such pages, all of it there in the host. */
int fault_setup(struct bench_context *c, enum micro_pages host_pages);

/* Nanoseconds per first touch, stride bytes apart: less what a second touch costs. */
int fault_run(struct bench_context *c, uint64_t stride, double *ns);

#endif
