/* strata beside other monitors, in one session: for the document, and for people. */
#ifndef STRATA_BENCH_SUITE_BESIDE_H
#define STRATA_BENCH_SUITE_BESIDE_H

#include <stdio.h>

#include <jansson.h>

#include "bench/suite/judge.h"

/* Put "comparisons" into the document. -1 with a sentence. */
int beside_add(json_t *document);

/* A table, if there is anything beside anything. -1 with a sentence. */
int beside_print(const struct results *all, uint64_t seed, FILE *out);

#endif
