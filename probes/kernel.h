/* What the running kernel's BTF says it has. Internal to libprobes. */
#ifndef STRATA_PROBES_KERNEL_H
#define STRATA_PROBES_KERNEL_H

#include <stdbool.h>

#include "probes/programs.h"

struct btf;

#define KERNEL_MODULES 5

struct kernel {
	struct btf *vmlinux;
	struct btf *modules[KERNEL_MODULES]; /* those that may hold targets, where loaded */
	bool casts; /* programs may read through a pointer that they cast: Linux 6.2 */
};

/* Fails with a sentence if the kernel has no BTF. */
int kernel_look(struct kernel *k);
void kernel_forget(struct kernel *k);

/* Is the program's tracepoint or function there? */
bool kernel_has(const struct kernel *k, const struct program *p);

#endif
