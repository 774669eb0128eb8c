/*
 * The filter box: which requests of those that are loaded are shown. The words are those of the
 * command line, all of which must be true of a request:
 *
 *   [--]slower-than 2ms     its time end to end is at least that
 *   [--]status 404 or 5xx   its reply's status
 *   [--]path PATTERN        a pattern as in sh(1)
 *
 * "and" may stand between them.
 */
#ifndef STRATA_TUI_WANTED_H
#define STRATA_TUI_WANTED_H

#include <stdbool.h>

#include "tracer/model.h"

#define WANTED_TEXT_MAX 512

struct wanted {
	uint64_t slower_than_ns;         /* 0: any */
	uint16_t status_from, status_to; /* 0: any */
	char path[128];                  /* "": any */
};

/* -1 with a sentence; w is unchanged then. An empty text lets all through. */
int wanted_parse(struct wanted *w, const char *text);

bool wanted_request(const struct wanted *w, const struct request *r);

#endif
