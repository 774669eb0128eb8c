/*
 * A session: which benchmarks are run in which subjects, how often, and every sample that they
 * gave. All that is random comes from one seed; what round r does depends on the seed and r
 * alone, so that a session that was interrupted goes on as if it had not been.
 *
 * Rounds come in pairs, and the seed says which of the two is the twin: the samples of twins
 * and of the others differ by nothing but chance. That is the session's A/A run.
 *
 * Threading: one thread.
 */
#ifndef STRATA_BENCH_SUITE_SESSION_H
#define STRATA_BENCH_SUITE_SESSION_H

#include <limits.h>
#include <stddef.h>
#include <time.h>

#include <jansson.h>

#include "bench/suite/subject.h"

#define ROUNDS_MAX 200
#define TURNS_MAX  32
#define WHY_BYTES  500

struct session_options {
	bool quick;
	unsigned int runs;  /* samples of each benchmark; an even number */
	unsigned int boots; /* ... of machines that boot a kernel; of hosts twice as many, if
			     * not quick */
	uint64_t seed;
	struct bench_limits limits;
	char *const *names; /* globs; none: all */
	int name_count;
	const char *subjects; /* "kvm,bare,strata:virtio"; NULL: all */
	bool peers;           /* other monitors, too */
	unsigned int turns; /* machines of one mode are up at the same time, and a sample is the
			     * median of so many turns; 0: each is alone, and has one */
	struct subject_sources sources;
	unsigned int without;   /* enum subject_kind bits that are run elsewhere */
	const char *delay_name; /* the benchmark that delay_ns is added to; NULL: none */
	uint64_t delay_ns;
};

/* One benchmark in one subject. */
struct task {
	const struct bench *bench;
	const struct subject *subject;
	double value[FIGURES_MAX][ROUNDS_MAX]; /* NaN: none */
	uint64_t iterations;
	bool asked; /* its needs were */
	unsigned int failures;
	char skipped[WHY_BYTES]; /* why it is not run at all; "" it is */
	char failed[WHY_BYTES];  /* why the last of its samples that failed did */
};

/* What is at work, for those who watch. */
struct session_now {
	const struct subject *subject; /* NULL: nothing */
	const struct bench *bench;     /* NULL: the subject is being brought up */
	unsigned int round, rounds;    /* from 1; 0: none has begun, or all are over */
	double left_s;                 /* about; NaN: not known yet; */
	time_t as_of_s;                /* ... as of this time of day */
};

struct session {
	const struct session_options *options;
	struct task *task;
	size_t tasks;
	bool twin[ROUNDS_MAX];
	unsigned int rounds_done;
	bool interrupted;
	volatile bool *stop;          /* set by a signal: end after the sample at hand */
	double visit_s[SUBJECTS_MAX]; /* spent in each subject */
	unsigned int visits[SUBJECTS_MAX];
	struct session_now now;
	void (*tell)(struct session *s); /* now has changed; NULL: nobody watches */
	json_t *settings; /* settings that were changed, for the document; borrowed */
};

/* The limits of a session. */
struct bench_limits session_limits(bool quick);

/* Does one of the names mean it? */
bool session_wants(const struct session_options *o, const char *name);

/* Is it one of those that are asked for? */
bool session_has(const struct session_options *o, const struct subject *s);

/* Choose tasks. -1 with a sentence: a name or a list that means none. */
int session_plan(struct session *s, const struct session_options *o, volatile bool *stop);

/* Samples that this subject is to give. */
unsigned int session_rounds(const struct session *s, const struct subject *subject);

/* Are they up at the same time? Machines of one mode may be; what has this kernel, or a device
 * of it, for itself may not. */
bool session_together(const struct session *s, const struct subject *a,
		      const struct subject *b);

/* Run what is missing; after_round keeps what there is. -1 with a sentence if that fails: what
 * a benchmark cannot do is no failure of the session's. */
int session_run(struct session *s, int (*after_round)(struct session *s));

/* Turns that a sample is the median of. */
unsigned int session_turns(const struct session_options *o);

/* Samples of a task's first figure. */
unsigned int task_samples(const struct task *t);

/* Figures of a benchmark: 1 at least. */
unsigned int bench_figures(const struct bench *b);

void session_free(struct session *s);

#endif
