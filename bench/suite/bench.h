/*
 * A benchmark: one descriptor in one file of its own. Adding one is adding its file and a line
 * to the list in bench/suite/list.c.
 *
 * A benchmark is run in one or more subjects: ways of running a workload, from a bare process
 * to a virtual machine with a network card of its own. In each round a subject is brought up
 * anew, every benchmark of it gives one sample, and it is taken down: what differs from one
 * boot to the next is in the samples. Where a benchmark makes its own machine, set-up and
 * tear-down do the same for it alone.
 */
#ifndef STRATA_BENCH_SUITE_BENCH_H
#define STRATA_BENCH_SUITE_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#define FIGURES_MAX 3
#define BENCHES_MAX 100

/* How much is done for one sample. Fixed for a session, and in its document. */
struct bench_limits {
	unsigned int batches;   /* of a loop; the sample is their median */
	uint64_t batch_ns;      /* a batch takes at least so long */
	unsigned int events;    /* of latencies; the sample is their median */
	unsigned int arena_mib; /* memory that page walks are measured in */
	unsigned int requests;  /* of latencies; multiples of it for others */
	unsigned int seconds;   /* of streams and of work in processes */
	unsigned int disk_ms;   /* of disk runs */
	unsigned int steps;     /* of a search for a knee, at most */
	unsigned int machines;  /* at the same time, at most */
};

struct guest;

struct bench_context {
	const struct bench_limits *limits;
	const volatile bool *stop; /* the user wants to end: give up waiting */
	uint64_t iterations;       /* of a loop: 0 until they were found, then kept */
	uint64_t delay_ns;         /* work added on purpose, where the benchmark can */

	unsigned int place;  /* of the systems that are up at the same time: from 0 */
	bool abreast;        /* there are others */
	struct guest *guest; /* what the subject gives, if it is not KVM alone */

	void *state; /* from set-up to tear-down */
};

struct subject;

struct bench {
	const char *name;
	const char *figures[FIGURES_MAX]; /* suffixes of several figures; none: one, the name */
	const char *unit;
	bool higher;        /* more is better */
	bool delays;        /* context->delay_ns has an effect */
	unsigned int kinds; /* enum subject_kind bits that it is run in */
	double floor;       /* a difference of this or less is none, in the unit */
	const char *shows;  /* what it shows: a sentence */
	const char *source; /* where its method comes from */

	/* Any may be NULL but run. Each: 0, or -1 with a sentence. needs is asked once, in the
	 * subject's first round; tear-down follows set-up whether that succeeded or not. */
	int (*needs)(const struct bench_context *c);
	int (*setup)(struct bench_context *c);
	int (*run)(struct bench_context *c, double figure[FIGURES_MAX]);
	void (*teardown)(struct bench_context *c);
};

/* All there are, in the order in which they are told; the list ends with NULL. */
extern const struct bench *const benches[];

#endif
