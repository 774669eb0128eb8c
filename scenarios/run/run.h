/*
 * A run of a scenario: its VMs, its cells, and what was measured in them.
 *
 * All VMs are booted once and stay up; observers are attached once. A round goes through all
 * cells in random order, a cell of noise once for each strength; each time it is recorded on
 * its own. A cell's figure is the median of its rounds.
 *
 * Threading: one thread.
 */
#ifndef STRATA_SCENARIOS_RUN_RUN_H
#define STRATA_SCENARIOS_RUN_RUN_H

#include <limits.h>
#include <time.h>

#include <jansson.h>

#include "lib/statistics.h"
#include "scenarios/lab/lab.h"
#include "scenarios/remedies/remedies.h"
#include "scenarios/run/options.h"
#include "scenarios/run/scenario.h"
#include "scenarios/run/tally.h"
#include "tracer/session.h"

#define VARIANTS_MAX (SCENARIO_CELLS_MAX * SCENARIO_STRENGTHS_MAX)

struct machine {
	const struct scenario_vm *vm;
	struct lab lab;
	struct remedy_vm *remedy;
	char cgroup[128]; /* below the hierarchy's root; "" it has none */
	uint32_t cgroup_inode;
	uint32_t vcpu[SCENARIO_CPUS_MAX]; /* threads */
	unsigned int vcpus;
	int disk_fd; /* its disk, in memory; -1: none */
};

/* A cell at one strength of its noise. */
struct variant {
	unsigned int cell;
	int strength;                                /* -1: it has no noise */
	double value[MEASURES][SCENARIO_ROUNDS_MAX]; /* NaN: none */
	struct tally tally;
	struct blame blame;
};

/* What is at work; none before the first cell and after the last. */
struct run_now {
	const struct variant *variant;
	unsigned int round;       /* from 0 */
	unsigned int done, cells; /* of all rounds */
	time_t began_s;           /* the first of them */
};

struct run {
	const struct scenario *s;
	const struct run_options *o;
	struct lab_site site;
	bool site_open;
	struct machine machine[SCENARIO_VMS_MAX];
	struct session *session;
	double saturation, rate; /* requests a second; saturation 0: not asked for */
	struct variant *variant; /* of them */
	unsigned int variants, rounds_done;
	struct run_now now;
	json_t *environment; /* captured once */
};

/* Make the VMs, in order, wait for them, pin and limit them. -1 with a sentence; take them down
 * in any case. */
int machines_up(struct run *r);
void machines_down(struct run *r);

/* 0 if all VMs still run; -1 with a sentence that names the one that ended. */
int machines_check(struct run *r);

/* What the recordings are of: the victim and those it needs; the others by their threads. */
int machines_topology(const struct run *r, struct topology *t);

/* One cell of one round, all of its values. -1 with a sentence. */
int cell_run(struct run *r, struct variant *v, unsigned int round);

/* "noise-100.2.strata" in the folder. */
void cell_recording(const struct run *r, const struct variant *v, unsigned int round,
		    char path[PATH_MAX]);

/* "noise@100", or the cell's name where there is but one strength. */
struct variant_name {
	char s[48];
};
struct variant_name variant_name(const struct run *r, const struct variant *v);

/* The rounds' median of a measure; NaN: none. */
double variant_figure(const struct run *r, const struct variant *v, enum measure m);

/* The variant that an operand means. */
const struct variant *run_variant(const struct run *r, unsigned int cell, int strength);

/* The first variant without noise and remedy; NULL: none. */
const struct variant *run_quiet(const struct run *r);

/* Carry it out. -1 with a sentence; what there was until then is in the run. */
int study_run(struct run *r);

/* A VM by the number that recordings have for it; NULL: none. */
const struct machine *run_machine(const struct run *r, unsigned int number);

/* Blame in words: "73 % of it is hypervisor, cpu.wait: VM noisy (vcpu0) had the CPU". */
void run_blame_text(const struct run *r, const struct variant *v, char *text, size_t bytes);

/* What came of it, a sentence. */
void run_verdict(struct run *r, char *text, size_t bytes);

/* What the expectations are asked of. */
struct expect_source run_source(struct run *r);

/* How many expectations do not hold. */
unsigned int run_failures(struct run *r);

/* Document strata.bench/1, the caller's; NULL with a sentence. While cells are at work: their
 * progress and what is known by then, and no verdict. */
json_t *run_document(struct run *r);

/* Write it as results.json into the run's folder, whole at any moment. -1 with a sentence. */
int run_publish(struct run *r, const json_t *document);

/* For people: table, blame, curve, expectations, verdict. -1 with a sentence. */
int run_report(struct run *r, FILE *f);

#endif
