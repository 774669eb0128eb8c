/* What strata-export can be told. */
#ifndef STRATA_REPORTS_EXPORT_OPTIONS_H
#define STRATA_REPORTS_EXPORT_OPTIONS_H

#include "reports/export/export.h"

struct export_options {
	const struct export_format *format;
	/* Where to: at most one of these; standard output if none. */
	const char *output, *url, *listen;
	const char *recording;
	struct filter filter; /* which requests are wanted */
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int export_options_parse(struct export_options *o, int argc, char **argv);

#endif
