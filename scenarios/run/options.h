/* What strata run can be told. */
#ifndef STRATA_SCENARIOS_RUN_OPTIONS_H
#define STRATA_SCENARIOS_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct run_options {
	const char *file;
	const char *folder; /* NULL: out/run/NAME */
	const char *wire;
	unsigned int rounds; /* 0: as the file says */
	double seconds;      /* 0: likewise */
	uint64_t seed;
	bool dry_run, cleanup, measures, json, here;
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int run_options_parse(struct run_options *o, int argc, char **argv);

#endif
