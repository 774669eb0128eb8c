/* The file of a bench's or a scenario's document, looked at again as it is written anew. */
#ifndef STRATA_TUI_BENCH_FILE_H
#define STRATA_TUI_BENCH_FILE_H

#include <time.h>

#include "tui/bench.h"

struct bench_file {
	const char *named; /* by the user; NULL: the latest in out/ */
	char path[512];    /* that was read last */
	struct timespec written;
	time_t looked_s;
};

/*
 * Look, at most once a second, whether there is something new: then *bench is replaced. True:
 * it was looked at. Then why says what is the matter, "" nothing.
 */
bool bench_file_look(struct bench_file *f, struct bench **bench, char *why, size_t bytes);

#endif
