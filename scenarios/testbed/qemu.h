/*
 * Which QEMU the testbed machine runs: the one that the build fetched for it, if it had to,
 * otherwise the installed one. A fetched one comes from a newer Debian, with that one's C
 * library: the program is run by its own loader.
 */
#ifndef STRATA_TESTBED_QEMU_H
#define STRATA_TESTBED_QEMU_H

#include <limits.h>
#include <stdbool.h>

#define QEMU_NAME  "qemu-system-x86_64"
#define QEMU_WORDS 6 /* before its options, at most */

struct qemu {
	char program[PATH_MAX];
	char folder[PATH_MAX]; /* of a fetched one: holds usr/; "" for the installed one */
	char loader[PATH_MAX], libraries[PATH_MAX]; /* of a fetched one */
};

/* Find it. -1 with a sentence. */
int qemu_find(struct qemu *q, const char *project);

/* Does it emulate that device? Takes some ten milliseconds: QEMU itself is asked. */
bool qemu_emulates(const struct qemu *q, const char *device);

/* The words of a command line before QEMU's options, into words; how many. They live as long as
 * q does. The first is what is to be executed. */
int qemu_words(const struct qemu *q, const char *words[QEMU_WORDS]);

/* In a child that is to become it. */
void qemu_environment(const struct qemu *q);

#endif
