/*
 * Inside remedies (see remedies.h). What is made is an item of the VM's record: a setting that
 * it belongs to, a kind that knows how to undo it, and what the kind needs for that. Items are
 * written to disk before the thing itself is made, and undone from the newest to the oldest.
 */
#ifndef STRATA_SCENARIOS_REMEDIES_INTERNAL_H
#define STRATA_SCENARIOS_REMEDIES_INTERNAL_H

#include <limits.h>
#include <sched.h>
#include <stdint.h>

#include "scenarios/remedies/remedies.h"

#define FOLDER "/run/strata/vm"

struct remedy_vm {
	char name[64];
	char control[PATH_MAX]; /* "": not known */
	const char *root;       /* "" or a folder that stands for "/" */
	pid_t pid;
	uint64_t start;  /* threads_start() of it */
	json_t *status;  /* what its control socket said when it was opened; NULL: has none */
	json_t *record;  /* of what was made */
	const char *now; /* the setting that is being applied: owner of new items */
};

/* ---- files (file.c): a setting of the kernel's is a line in a file ---- */

/* Its text without the last newline; "" and -1 if it cannot be read. */
int file_text(char *text, size_t bytes, const char *path);

/* The whole of a file, the caller's; NULL with a sentence. */
char *file_whole(const char *path);

/* In one write(), as such files want it. -1 with a sentence. */
int file_write(const char *path, const char *text);

/* ---- the record (record.c) ---- */

struct undo_kind {
	const char *name;
	/* 0: as it was, or there is nothing left to undo; -1 with a sentence. */
	int (*undo)(struct remedy_vm *vm, const json_t *item);
};

extern const struct undo_kind undo_file, undo_cgroup, undo_controllers, undo_affinity, undo_tc,
	undo_device, undo_halt_poll, undo_folder;

/* Hold the records of this root for us alone; close() to let go. -1 with a sentence. */
int record_lock(const char *root);

/* The VM's record as it is on disk, or an empty one. NULL with a sentence. */
json_t *record_load(const char *root, pid_t pid, uint64_t start);

/* Write down that item (stolen) is about to be made for vm->now. -1 with a sentence. */
int record_begin(struct remedy_vm *vm, const struct undo_kind *kind, json_t *item);

/* The item of that kind, the same in key, if there is one: a borrowed reference. */
json_t *record_find(const struct remedy_vm *vm, const struct undo_kind *kind, const char *key,
		    const char *value);

/* Write text to a file; what it says now, or undo if that is not NULL, is what it shall say
 * again. */
int record_write(struct remedy_vm *vm, const char *path, const char *text, const char *undo);

/* The same for a file of many lines, one for each device: undo is a line that takes text's
 * away.
 */
int record_line(struct remedy_vm *vm, const char *path, const char *text, const char *undo);

/* Undo items from number from on, newest first; only those of setting if it is not NULL. What
 * could not be undone stays. */
int record_undo(struct remedy_vm *vm, size_t from, const char *setting);
size_t record_items(const struct remedy_vm *vm);

/* Write down who waits for the VM's end. */
int record_guardian(struct remedy_vm *vm, pid_t pid, uint64_t start);

const char *record_text(const json_t *item, const char *key);
long long item_number(const json_t *item, const char *key);

/* ---- values (value.c): all fail with a sentence ---- */

int value_cpus(const char *text, cpu_set_t *set); /* "0-2,5" */
void cpus_text(const cpu_set_t *set, char *text, size_t bytes);

/* "50%" or "150%/10ms": microseconds of each period; quota -1: "max". */
int value_cpu_max(const char *text, long long *quota_us, long long *period_us);

int value_weight(const char *text, unsigned int *weight);

/* "64M", "0"; UINT64_MAX for "max". */
int value_bytes(const char *text, uint64_t *bytes);

/* "rbps=10M,wiops=100", each 0 if not given; for a device in front of it "/dev/sda:rbps=1M". */
struct io_limits {
	char device[256]; /* "": those of the VM's disks */
	uint64_t rbps, wbps, riops, wiops;
};
int value_io(const char *text, struct io_limits *out);

/* One CPU for each thread, or one for all: the number of them. */
#define PINS_MAX 256
int value_pins(const char *text, int cpu[PINS_MAX]);

/* "10M" or "10M,burst=64K,latency=50ms": bytes a second. */
struct rate {
	uint64_t bytes, burst, latency_ns;
};
int value_rate(const char *text, struct rate *out);

int value_mask(const char *text, uint64_t *mask); /* "0xf0", bits next to each other */
int value_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* ---- the VM's threads (threads.c) ---- */

enum { THREADS_VCPU = 1, THREADS_IO = 2, THREADS_REST = 4 };

/* Those of these sorts, in the order of the vCPUs; the caller frees. -1: a VM that does not
 * tell, with a sentence. */
int vm_threads(const struct remedy_vm *vm, int sorts, pid_t **tids);

/* ---- cgroups (cgroup.c) ---- */

/* The path of the VM's file for that controller, the cgroup being made first; version 2's name,
 * and version 1's (NULL: it has none, which is refused). -1 with a sentence. *version may be
 * NULL. */
int cgroup_file(struct remedy_vm *vm, const char *controller, const char *file,
		const char *file_v1, char path[PATH_MAX], int *version);

/* The same if it has a cgroup of ours or its own already, without making one; -1 if not. */
int cgroup_look(struct remedy_vm *vm, const char *controller, const char *file,
		const char *file_v1, char path[PATH_MAX], int *version);

#endif
