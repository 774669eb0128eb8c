/* A run: so many requests by so many threads, a connection's thread each. */
#ifndef STRATA_BENCH_LOAD_RUN_H
#define STRATA_BENCH_LOAD_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "bench/load/connection.h"
#include "bench/load/options.h"

/* So many requests in a row that met no server, or nothing but failures for so many times as
 * long as one waits: the rest would meet none either. */
#define GIVE_UP_AFTER    10
#define GIVE_UP_TIMEOUTS 2

struct run {
	const struct load_options *options;
	struct sample *samples; /* one for each request; those from issued on are unused */
	unsigned int issued;
	uint64_t start_ns, end_ns;
	bool interrupted;      /* by a signal */
	char first_error[512]; /* "" if there was none */

	/* while it runs */
	atomic_uint next;             /* request to be sent */
	atomic_uint finished;         /* requests that have ended, one way or the other */
	atomic_uint errors;           /* of these */
	atomic_uint unanswered;       /* failures in a row */
	_Atomic uint64_t answered_ns; /* when a reply came last; at first start_ns */
	atomic_uint reconnects; /* a kept connection was closed by the server while idle */
	atomic_uint running;    /* threads */
	atomic_bool gave_up;
	atomic_bool stop;
	pthread_mutex_t lock; /* guards first_error */
};

/*
 * Run it to its end or a SIGINT or SIGTERM; progress goes to stderr. -1 with a sentence if
 * there was nothing to measure: no server, no memory. Otherwise r has what was measured, and
 * run_free() is due.
 */
int run_load(struct run *r, const struct load_options *o);

void run_free(struct run *r);

#endif
