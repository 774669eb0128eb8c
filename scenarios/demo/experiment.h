/* The experiment: laboratory up, untraced and traced rounds, analysis, report. */
#ifndef STRATA_SCENARIOS_DEMO_EXPERIMENT_H
#define STRATA_SCENARIOS_DEMO_EXPERIMENT_H

#include "scenarios/demo/options.h"

/* Runs it whole and leaves results in options->folder. -1 with a sentence. */
int experiment_run(const struct demo_options *o);

#endif
