/*
 * Who looks on while the load runs: a table of command lines with {placeholders}. One more
 * observer is one more row.
 */
#ifndef STRATA_BENCH_COST_OBSERVER_H
#define STRATA_BENCH_COST_OBSERVER_H

#include <stdint.h>

#include "bench/cost/site.h"

struct observer {
	const char *name;
	const char
		*program;   /* strata's, beside us, or one in PATH; NULL: no process looks on */
	const char *words;  /* {nginx} its process, {folder} the site's */
	const char *script; /* one more word, which may hold spaces; NULL: none */
	const char *ready;  /* what it says once it is at work */
	const char *fails;  /* what it says if it is not wholly at work; NULL: it ends */
	bool strata;        /* it ends with a document of schema strata.trace/1 */
	bool empty;         /* no process: eBPF programs that do nothing */
};

extern const struct observer observers[];
extern const unsigned int observer_count;

/* strata, and the kernel times its programs: not one of those that are compared. */
extern const struct observer observer_stats;

/* What one left behind. */
struct observed {
	uint64_t events, lost; /* strata's alone */
};

/* One at work. */
struct watch {
	const struct observer *observer;
	pid_t pid; /* 0: no process */
	struct empty_bpf *empty;
};

/* Can it run here? NULL, or the reason why not. */
const char *observer_missing(const struct observer *o);

/* Start it on the host's namespace and wait until it is at work. -1 with a sentence. */
int observer_start(struct watch *w, const struct observer *o, const struct site *s);

/* Stop it, and learn what it saw. -1 with a sentence. */
int observer_stop(struct watch *w, const struct site *s, struct observed *seen);

#endif
