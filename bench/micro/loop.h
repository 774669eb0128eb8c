/*
 * The cost of one operation, from loops of it; latencies, from events. Each sample is a new
 * virtual machine's.
 */
#ifndef STRATA_BENCH_MICRO_LOOP_H
#define STRATA_BENCH_MICRO_LOOP_H

#include "bench/micro/machine.h"
#include "bench/suite/bench.h"

/* set-up and tear-down of most: context->state is a struct micro. */
int loop_setup_with(struct bench_context *c, const struct micro_config *config);
int loop_setup(struct bench_context *c);     /* one processor, interrupt controllers */
int loop_setup_two(struct bench_context *c); /* two processors */
void loop_teardown(struct bench_context *c);
int loop_needs(const struct bench_context *c);     /* KVM */
int loop_needs_two(const struct bench_context *c); /* KVM, and two CPUs of the host */

/*
 * Nanoseconds per operation: the median of batches, each less one of an empty loop if
 * less_empty.
 *
 * Iterations per batch are doubled until a batch takes batch_ns, in the session's first sample.
 * Warm-up: batches are thrown away until two in a row differ by less than a tenth, ten at most.
 */
int loop_run(struct bench_context *c, enum micro_op op, bool less_empty, double *ns);

/* Nanoseconds: the median of the events in shared->ticks, all of a command that has ended. */
int loop_events(struct bench_context *c, double *ns);

#endif
