/* A session from its options to its document and report; what strata bench and strata peers
 * have in common. */
#ifndef STRATA_BENCH_SUITE_RUN_H
#define STRATA_BENCH_SUITE_RUN_H

#include "bench/suite/options.h"

/* Print the benchmarks that are asked for. -1 with a sentence: there is none. */
int bench_list(const struct session_options *o);

/* Run, and leave document and report. The exit code; there is a sentence if it is not EXIT_OK.
 */
int bench_run(struct bench_options *o);

#endif
