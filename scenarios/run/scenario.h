/*
 * A scenario: an experiment written down in a file. docs/scenarios.md is the schema,
 * strata.scenario/1.
 *
 * VMs on one host; a load on one of them, the victim; noise made by another; remedies; cells,
 * in each of which noise and remedies are there or not; and what is expected to come out, as
 * relations between cells.
 */
#ifndef STRATA_SCENARIOS_RUN_SCENARIO_H
#define STRATA_SCENARIOS_RUN_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/hop.h"
#include "scenarios/run/expect.h"

#define SCENARIO_VMS_MAX       4
#define SCENARIO_SETTINGS_MAX  8
#define SCENARIO_CELLS_MAX     8
#define SCENARIO_STRENGTHS_MAX 8
#define SCENARIO_EXPECTS_MAX   32
#define SCENARIO_ROUNDS_MAX    40
#define SCENARIO_CPUS_MAX      64 /* CPUs are bits of a word */

/* What a VM boots, and what can be asked of it. */
struct scenario_image {
	const char *name;
	const char *path; /* below build/ */
	const char *target;
	const char *memory; /* unless the file says otherwise */
	bool tools;         /* noise, and its own /proc/stat, can be asked for */
	bool stress;        /* stress-ng and fio are in it */
};

/* The table; ends with a row without a name. */
extern const struct scenario_image scenario_images[];

/* A setting of a VM by its name, as scenarios/remedies knows it. */
struct scenario_setting {
	unsigned int vm;
	char name[32], value[64];
	int line;
};

struct scenario_vm {
	char name[24];
	enum strata_place place; /* PLACE_EMULATED, PLACE_VIRTIO, PLACE_VHOST */
	const struct scenario_image *image;
	unsigned int cpus;
	char memory[16];     /* as the VMM takes it */
	uint64_t pin, io;    /* host CPUs of its vCPUs, of its VMM's other threads; 0: any */
	uint64_t disk_bytes; /* 0: it has none */
	int line;
};

/* A kind of noise, and what its strength counts. */
struct noise_kind {
	const char *name;
	const char *unit;
	unsigned int most; /* strength */
	bool stress;       /* needs an image with stress-ng and fio */
	bool disk;         /* ... and a disk */
	bool flows;        /* goes to another VM */
	const char *help;
};

extern const struct noise_kind noise_kinds[]; /* ends with a row without a name */

struct scenario_noise {
	bool any;
	const struct noise_kind *kind;
	unsigned int vm, to;
	unsigned int strength[SCENARIO_STRENGTHS_MAX];
	unsigned int strengths;
};

struct scenario_load {
	unsigned int vm;
	char path[128];
	double rate;     /* requests a second; or */
	double fraction; /* of what the victim serves when nobody waits */
	double seconds;  /* of each cell */
	unsigned int connections;
};

struct scenario_cell {
	char name[24];
	bool noise, remedy;
};

struct scenario_needs {
	unsigned int cpus;
	uint64_t memory_bytes;
	bool cgroup2;
};

struct scenario {
	char name[40], title[120];
	struct scenario_needs needs;
	bool ovs;
	struct scenario_vm vm[SCENARIO_VMS_MAX];
	unsigned int vms;
	struct scenario_load load;
	struct scenario_noise noise;
	struct scenario_setting limit[SCENARIO_SETTINGS_MAX]; /* from the start */
	unsigned int limits;
	struct scenario_setting remedy[SCENARIO_SETTINGS_MAX];
	unsigned int remedies;
	struct scenario_cell cell[SCENARIO_CELLS_MAX];
	unsigned int cells;
	unsigned int rounds;
	struct expectation expect[SCENARIO_EXPECTS_MAX];
	unsigned int expects;
};

/* From a file, or from its text: name is for sentences. -1 with a sentence that begins with
 * file and line. */
int scenario_read(struct scenario *s, const char *path);
int scenario_parse(struct scenario *s, const char *name, const char *text, size_t bytes);

/* An index, or -1. */
int scenario_find_cell(const struct scenario *s, const char *name, size_t length);

/* Everything that a run of it would do, in the order in which it would. */
void scenario_print(const struct scenario *s, FILE *f);

#endif
