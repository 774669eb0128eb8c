/*
 * A benchmark session's or a scenario's document (schema strata.bench/1: docs/bench.md),
 * finished or at work: what of it is shown. Where its machines are measured elsewhere
 * meanwhile, that document's results stand behind its own.
 *
 * A document is a file that anyone may have written: bounded, and read as far as it makes
 * sense.
 */
#ifndef STRATA_TUI_BENCH_H
#define STRATA_TUI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <jansson.h>

#define BENCH_ROWS_MAX 4000
#define BENCH_WHY_MAX  300

#define BENCH_EXPECTED_MAX 64

struct bench_row {
	char cell[40]; /* of a scenario; "" none */
	char name[64], mode[40], unit[20];
	bool testbed;
	double median, low, high; /* NaN: no data */
	double noise;             /* what twins differ by; NaN: no data */
	unsigned int n, asked;    /* samples */
	char skipped[BENCH_WHY_MAX], failed[BENCH_WHY_MAX];
};

/* What a scenario expected of its cells. */
struct bench_expected {
	char text[120], verdict[12], found[120];
};

struct bench {
	struct bench_row *rows;
	size_t count;
	struct bench_expected expected[BENCH_EXPECTED_MAX];
	size_t expectations;
	char title[160];    /* what it is, what its settings were */
	char verdict[1000]; /* a scenario's sentence; "" none */
	bool interrupted, running;
	/* while it runs */
	char doing[64], in[40]; /* the benchmark; the mode: of "" alone, nobody told */
	unsigned int round, rounds;
	unsigned int done, asked; /* samples */
	double left_s;            /* about; NaN: not known */
	time_t written_s;         /* by its own word; 0: it says nothing of that */
	double age_s; /* how long ago that is; NaN: not known. For whoever reads it to fill in
		       */
};

/* NULL with a sentence. */
struct bench *bench_of(const json_t *document, const char *name);
struct bench *bench_read(const char *path);
void bench_free(struct bench *b);

/* Is that result of what is being measured now? */
bool bench_is_now(const struct bench *b, const struct bench_row *r);

/* "1.23 us" for nanoseconds, else "1234 IOPS": four digits; "no data". */
void bench_value(double v, const char *unit, char *text, size_t bytes);

#endif
