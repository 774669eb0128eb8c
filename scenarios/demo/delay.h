/*
 * A known delay in one place of the laboratory: what a lesson shows and a test checks, for
 * it must appear in that layer's time and in no other's.
 */
#ifndef STRATA_SCENARIOS_DEMO_DELAY_H
#define STRATA_SCENARIOS_DEMO_DELAY_H

#include "scenarios/lab/lab.h"

/* Is "WHERE=MS" one that delay_apply() knows? -1 with a sentence. */
int delay_check(const char *text);

/* Put it in. It ends with this process. -1 with a sentence. */
int delay_apply(struct lab *lab, const char *text);

#endif
