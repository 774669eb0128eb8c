/* What a guest with tools can be asked, through its web server at port 8080
 * (scenarios/guest/tools). What it answers is a guest's word: bounded, and checked. */
#ifndef STRATA_SCENARIOS_RUN_GUEST_H
#define STRATA_SCENARIOS_RUN_GUEST_H

#include "scenarios/run/run.h"

/* Make the scenario's noise at that strength, or end it. -1 with a sentence. */
int guest_noise(const struct run *r, unsigned int strength);
int guest_quiet(const struct run *r);

/* A guest's own account of its processors' time, in its ticks since boot. */
struct guest_time {
	uint64_t all, stolen;
};

int guest_time(const struct run *r, const struct machine *m, struct guest_time *t);

/* The line "cpu ..." of a /proc/stat (proc(5)). -1 with a sentence if it is none. */
int guest_time_parse(const char *text, struct guest_time *t);

#endif
