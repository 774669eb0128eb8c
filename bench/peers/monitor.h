/*
 * The virtual machine monitors that are compared, and how each starts the same machine: a table
 * of command lines with {placeholders}. One more monitor is one more row.
 */
#ifndef STRATA_BENCH_PEERS_MONITOR_H
#define STRATA_BENCH_PEERS_MONITOR_H

#include <limits.h>
#include <stdbool.h>

#include "lib/words.h"

#define MODES_MAX 4

/* What a machine is made of, whoever runs it. */
struct plan {
	unsigned int memory_mib, cpus;
	char kernel[PATH_MAX], initrd[PATH_MAX];
	char disk[PATH_MAX], console[PATH_MAX], control[PATH_MAX];
	const char *tap, *mac, *append;
};

struct monitor {
	const char *name;
	const char *program;  /* looked up beside us if it is strata's, else in PATH */
	const char *version;  /* the option that makes it tell its version; NULL: ours */
	const char *words;    /* without devices */
	struct monitor_mode { /* ends with a row whose name is NULL */
		const char *name;
		const char *words; /* devices */
		const char *needs; /* a file without which it cannot be; NULL: none */
	} mode[MODES_MAX + 1];
};

extern const struct monitor monitors[];
extern const unsigned int monitor_count;

/* The command line, program first. -1 with a sentence: the program or a file is not there. */
int monitor_command(const struct monitor *m, const struct monitor_mode *mode,
		    const struct plan *p, struct words *w);

/* Can it run here? NULL, or the reason why not. */
const char *monitor_missing(const struct monitor *m, const struct monitor_mode *mode);

#endif
