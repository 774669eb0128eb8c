/*
 * The testbed machine seen from outside: a QEMU process with one port to the command runner in
 * it and a console, both sockets that we hold. No file is left behind, whatever happens: QEMU
 * gets its channels as descriptors and dies with us.
 */
#ifndef STRATA_TESTBED_MACHINE_H
#define STRATA_TESTBED_MACHINE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct machine_config {
	char project[PATH_MAX]; /* the folder shared with the machine */
	unsigned int memory_mb;
	unsigned int cpus;
};

struct machine {
	pid_t pid;
	int pidfd;
	int port;    /* frames (frame.h) */
	int console; /* the kernel's console, and QEMU's own complaints */
};

/* Check, before anything is started, that QEMU and the images are there. */
int machine_check(const struct machine_config *c);

int machine_start(struct machine *m, const struct machine_config *c);

/* Kill QEMU and wait until it is gone. Harmless if it is gone already. */
void machine_stop(struct machine *m);

#endif
