/* The comparison for people and for programs. */
#ifndef STRATA_SCENARIOS_COMPARE_REPORT_H
#define STRATA_SCENARIOS_COMPARE_REPORT_H

#include <stdio.h>

#include "scenarios/compare/judge.h"

/* Document strata.compare/1 with every sample, the caller's; NULL with a sentence. */
json_t *report_json(const struct study *s, const struct judgements *j);

/* The table. -1 with a sentence if the stream failed. */
int report_print(const struct study *s, const struct judgements *j, FILE *f);

#endif
