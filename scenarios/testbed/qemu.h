/*
 * Which QEMU the testbed machine runs: the one that the build fetched for it, if it had to,
 * otherwise the installed one.
 */
#ifndef STRATA_TESTBED_QEMU_H
#define STRATA_TESTBED_QEMU_H

#include <limits.h>
#include <stdbool.h>

struct qemu {
	char program[PATH_MAX];
	char folder[PATH_MAX]; /* of a fetched one: holds usr/; "" for the installed one */
};

/* Find it. -1 with a sentence. */
int qemu_find(struct qemu *q, const char *project);

/* Does it emulate that device? Takes some ten milliseconds: QEMU itself is asked. */
bool qemu_emulates(const struct qemu *q, const char *device);

/* In a child that is to become it: have it find its own libraries. */
void qemu_environment(const struct qemu *q);

#endif
