/*
 * Inside remedies: cgroups that are made for VMs, and controllers that are switched on for
 * them. All of it is written down in the VM's record, as nobody's setting: it goes with the
 * last of them. Errors: -1 with a sentence.
 */
#ifndef STRATA_SCENARIOS_REMEDIES_CGROUP_H
#define STRATA_SCENARIOS_REMEDIES_CGROUP_H

#include "scenarios/remedies/internal.h"

#define CGROUP_TRIES 100 /* naps, until something that should be so is given up */

void cgroup_nap(void); /* 10 ms */

/* Each process of a cgroup, until each() says false. */
int cgroup_each(const char *dir, bool (*each)(void *ctx, pid_t pid), void *ctx);

/* Move a process there. */
int cgroup_enter(const char *dir, pid_t pid);

/* A new one, whose processes go back there when it is undone; controller: version 1's, or "".
 */
int cgroup_make(struct remedy_vm *vm, const char *controller, const char *dir,
		const char *back);

/* Have a cgroup's parent hand that controller on (version 2). */
int cgroup_enable(struct remedy_vm *vm, const char *dir, const char *controller);

#endif
