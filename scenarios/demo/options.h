/* What the demonstration can be told. */
#ifndef STRATA_SCENARIOS_DEMO_OPTIONS_H
#define STRATA_SCENARIOS_DEMO_OPTIONS_H

#include <stdbool.h>

#include "lib/hop.h"

struct demo_options {
	enum strata_place place;
	int cpus;
	int requests;
	const char *path;   /* what to ask nginx for */
	const char *folder; /* results */
	const char *wire;   /* network cards; NULL: whatever there is */
	bool ovs;           /* Open vSwitch for a bridge */
	bool json;
	bool here; /* do not look for a better machine */
	bool no_fentry;
	bool no_overhead; /* leave out the untraced rounds */
	const char *
		delay; /* where to put a known delay in, for tests and lessons; NULL: nowhere */
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int demo_options_parse(struct demo_options *o, int argc, char **argv);

#endif
