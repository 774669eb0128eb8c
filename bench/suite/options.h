/* What strata bench can be told. */
#ifndef STRATA_BENCH_SUITE_OPTIONS_H
#define STRATA_BENCH_SUITE_OPTIONS_H

#include <stdbool.h>

#include "bench/suite/session.h"

struct bench_options {
	struct session_options session;
	const char *output; /* the document; the report lies beside it */
	const char *resume; /* a document to go on with; NULL: none */
	bool json, list, tune;
	bool here; /* machines are not taken to the testbed */
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int bench_options_parse(struct bench_options *o, int argc, char **argv);

#endif
