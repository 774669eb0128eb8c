/* A program run for its JSON. */
#ifndef STRATA_BENCH_MEASURE_ASK_H
#define STRATA_BENCH_MEASURE_ASK_H

#include <jansson.h>

#include "lib/words.h"

/* Run it where the client is, in that network namespace, or (netns -1) where the system is, in
 * ours; what it prints, the caller's. Frees the words. NULL with a sentence. */
json_t *ask_program(int netns, struct words *w);

/* A number deep in a document, by its keys; the list ends with NULL. -1 with a sentence. */
int ask_dig(const json_t *document, const char *const *keys, double *value);

#endif
