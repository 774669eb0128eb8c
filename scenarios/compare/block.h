/*
 * One block: requests to one server. First untraced, for what the client waits and what it
 * costs in CPU time, then traced, for where the time goes: probes cost time themselves, so the
 * two are not mixed.
 */
#ifndef STRATA_SCENARIOS_COMPARE_BLOCK_H
#define STRATA_SCENARIOS_COMPARE_BLOCK_H

#include "scenarios/compare/study.h"

/* Measure a block of that arm into its samples of that round. -1 with a sentence; the round's
 * samples are empty then. */
int block_run(const struct study *s, struct arm *a, int round);

#endif
