/*
 * Remedies: what can be done for or against a VM while it runs, by name. Each is a setting with
 * a value, and is one of three things: a limit (no more than that, even if the rest lies idle),
 * a share (so much of what is contended for), or a reservation (kept for this VM, even if it
 * lies idle).
 *
 *     remedy_set(vm, "cpu.max", "50%");       remedy_get(vm, "cpu.max");
 *     remedy_unset(vm, "cpu.max");            remedy_undo(vm);
 *
 * What is made (a cgroup, a qdisc, another value in a file) is written down with what was there
 * before, in /run/strata/vm/PID.json, before it is made. remedy_unset() and remedy_undo() put
 * it back; if whoever set it was killed, and the VM ended, remedy_sweep() does, whoever calls
 * it. Nothing that another has made is touched.
 *
 * A VM is a process: strata-vmm, of which the control socket tells the threads, cards and
 * disks, or any other VMM on KVM, where settings that need to know them are refused with a
 * sentence.
 *
 * Ownership: strings are the callee's, JSON is a new reference. Errors: -1 or NULL with a
 * sentence. Threading: one thread per struct remedy_vm; between processes a lock is held while
 * anything changes. Needs root, or whatever the kernel asks for.
 */
#ifndef STRATA_SCENARIOS_REMEDIES_H
#define STRATA_SCENARIOS_REMEDIES_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>

enum remedy_kind { REMEDY_LIMIT, REMEDY_SHARE, REMEDY_RESERVATION };

struct remedy_vm;

struct remedy {
	const char *name; /* "cpu.max" */
	enum remedy_kind kind;
	const char *value; /* what stands for the value in --help: "PERCENT|max" */
	const char *help;  /* one line */

	/* Is the text such a value? Asks neither VM nor host. */
	int (*check)(const char *text);

	/* Do it, or say why it cannot be here. The lock is held. */
	int (*apply)(struct remedy_vm *vm, const struct remedy *r, const char *text);

	/* What is in force; JSON null: nothing is. NULL with a sentence: it cannot be here. */
	json_t *(*read)(struct remedy_vm *vm, const struct remedy *r);

	const void *how; /* its implementation's own */
};

/* All there are; ends with a row whose name is NULL. */
extern const struct remedy remedies[];

/* NULL with a sentence that lists the names like it. */
const struct remedy *remedy_find(const char *name);

const char *remedy_kind_name(enum remedy_kind kind); /* "limit" */

/* Is there such a remedy, and is that a value of it? For files and dry runs. */
int remedy_check(const char *name, const char *text);

/*
 * The VM behind a control socket, or (control NULL) the VM that is process pid. It is not told
 * nor touched. root: in place of "/" before /sys, /proc and /run, for tests; NULL: "".
 */
struct remedy_vm *remedy_vm_open(const char *control, pid_t pid, const char *root);
void remedy_vm_close(struct remedy_vm *vm); /* what was set stays */

/* The same by what people say: a control socket's path, a process id, or the name of a VM of
 * strata-vmm that runs. */
struct remedy_vm *remedy_vm_named(const char *text);

pid_t remedy_vm_pid(const struct remedy_vm *vm);
const char *remedy_vm_name(const struct remedy_vm *vm);

/* Set it, as often as one likes; what was there before the first time is kept. If it fails,
 * what it had made so far is undone. */
int remedy_set(struct remedy_vm *vm, const char *name, const char *text);

/* {"name","kind","value","set":did we set it,"why":if it cannot be had here}. NULL: no such
 * name. */
json_t *remedy_get(struct remedy_vm *vm, const char *name);

/* Put back what was there before. Not set: nothing happens. */
int remedy_unset(struct remedy_vm *vm, const char *name);

/* Put everything back, remove the VM's cgroup. The VM may have ended. -1: something stayed,
 * which is then still written down. */
int remedy_undo(struct remedy_vm *vm);

/* What was made for it: {"schema":"strata.vm/1","name","pid","items":[...]}; items are empty if
 * nothing was. */
json_t *remedy_made(struct remedy_vm *vm);

/* The same for all VMs, and undoing it for those that have ended; told gets a line for each
 * (may be NULL). root as above. */
json_t *remedy_made_all(const char *root);
int remedy_sweep(const char *root, FILE *told);

/* The VM's cgroup, made if it has none of its own yet, as a path below the hierarchy's root
 * ("/strata-vm-123"); version is 1 or 2. What blame in a trace is to be matched with. */
int remedy_cgroup(struct remedy_vm *vm, char *path, size_t bytes, int *version);

/* Leave a process behind that waits for the VM's end and then puts everything back; at most one
 * for each VM. It holds nothing of the caller's. */
int remedy_guard(struct remedy_vm *vm);

#endif
