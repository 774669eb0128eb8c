/*
 * The study: every machine (a monitor in a mode) booted once per round, in random order, and
 * all that is to be measured taken of it. The sample is the boot: what varies from boot to boot
 * is in the spread.
 */
#ifndef STRATA_BENCH_PEERS_STUDY_H
#define STRATA_BENCH_PEERS_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "bench/peers/measure.h"

#define ROUNDS_MAX   100
#define ARMS_MAX     16
#define MEASURES_MAX 16
#define WHY_BYTES    600

struct study_options {
	unsigned int rounds;
	uint64_t seed;
	char *const *names; /* globs of the measures wanted; none: all */
	int name_count;
	const char *modes; /* a list "virtio,vhost"; NULL: all */
	struct measure_options measure;
};

/* What one machine's boots gave for one measure. */
struct series {
	double value[ROUNDS_MAX];
	unsigned int n;
	char failed[WHY_BYTES]; /* the last reason, if a boot gave none */
};

struct study_arm {
	const struct monitor *monitor;
	const struct monitor_mode *mode;
	char skipped[WHY_BYTES]; /* why it was not run; "" it was */
	struct series series[MEASURES_MAX];
};

struct study {
	const struct study_options *options;
	struct study_arm arm[ARMS_MAX];
	unsigned int arms;
	bool wanted[MEASURES_MAX];
	volatile bool *stop; /* set by a signal: end after this step, keep what there is */
	struct site site;
};

/* Choose arms and measures. -1 with a sentence: a name that means none. */
int study_plan(struct study *s, const struct study_options *o);

/* Run it all. Fails only if nothing could be run at all. */
int study_run(struct study *s, const char *folder);

/* Is the measure taken of this kind of machine? */
bool study_applies(const struct study_arm *a, const struct measure *m);

json_t *study_json(const struct study *s);
int study_print(const struct study *s, FILE *out);

#endif
