/*
 * The virtual machine monitors that are compared, and how each starts the same machine: one
 * small file each, JSON, in bench/peers/monitors/ or named by the user. docs/bench.md says what
 * is in it.
 *
 * Threading: one thread.
 */
#ifndef STRATA_BENCH_PEERS_MONITOR_H
#define STRATA_BENCH_PEERS_MONITOR_H

#include <limits.h>
#include <stdbool.h>

#include <jansson.h>

#include "lib/words.h"

#define MONITOR_OURS "strata"
#define MONITORS_MAX 16

/* What devices a machine has; each monitor has some of these. */
enum monitor_mode_number {
	MODE_NONE,
	MODE_EMULATED,
	MODE_VIRTIO,
	MODE_VHOST,
	MODE_PASSTHROUGH,
	MODE_COUNT
};

/* What a machine is made of, whoever runs it. */
struct plan {
	unsigned int memory_mib, cpus;
	char kernel[PATH_MAX], initrd[PATH_MAX];
	char disk[PATH_MAX], console[PATH_MAX], control[PATH_MAX], config[PATH_MAX];
	char tap[16], mac[20], append[300];
	char card[16], drive[16]; /* PCI addresses of what is passed through; "": none */
};

struct monitor_mode {
	const char *name;     /* NULL: the monitor does not have it */
	const json_t *words;  /* arguments for this mode's devices */
	const json_t *drive;  /* ... and for a drive that is passed through */
	const json_t *needs;  /* files without which it cannot be */
	const json_t *config; /* of a configuration file */
};

struct monitor {
	const char *name;
	const char *program;  /* "strata-...": beside us; else looked up in PATH */
	const char *version;  /* the option that makes it tell its version; NULL: ours */
	const json_t *words;  /* arguments for every mode */
	bool kvm;             /* it cannot be where there is none */
	bool tells_on_stdout; /* the guest's console is its output */
	struct monitor_mode mode[MODE_COUNT];
	json_t *document; /* the file; what is above lies in it */
};

/* "none", "emulated", ... */
const char *monitor_mode_name(enum monitor_mode_number mode);

/* Read one file. -1 with a sentence that names file and key. */
int monitor_read(struct monitor *m, const char *path);
void monitor_free(struct monitor *m);

/* The command line, program first, and the configuration file written. -1 with a sentence: the
 * program or a file is not there. */
int monitor_command(const struct monitor *m, const struct monitor_mode *mode,
		    const struct plan *p, struct words *w);

/* Can it run here? NULL, or the reason why not. */
const char *monitor_missing(const struct monitor *m, const struct monitor_mode *mode);

/* The first line that it says of its version, or null; the caller's. */
json_t *monitor_version(const struct monitor *m);

/* Is that the name of a placeholder, "tap"? */
bool monitor_placeholder(const char *name, size_t length);

#endif
