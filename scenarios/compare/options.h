/* What strata compare can be told. */
#ifndef STRATA_SCENARIOS_COMPARE_OPTIONS_H
#define STRATA_SCENARIOS_COMPARE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hop.h"

#define COMPARE_MODES_MAX  6
#define COMPARE_ROUNDS_MAX 100

struct compare_options {
	enum strata_place modes[COMPARE_MODES_MAX]; /* as given */
	int mode_count;
	enum strata_place baseline;
	int requests; /* per block */
	int rounds;
	int cpus;
	uint64_t seed;
	bool twin; /* a second machine of one mode, to see how much equals differ */
	const char *path;
	const char *folder;
	const char *wire;
	bool ovs; /* Open vSwitch for a bridge */
	bool json;
	bool here;
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int compare_options_parse(struct compare_options *o, int argc, char **argv);

#endif
