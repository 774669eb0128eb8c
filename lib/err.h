/*
 * Errors with context.
 *
 * A function that fails returns -1 (or NULL) and leaves a sentence in the thread's
 * error text: what happened, where, and what to do next. Callers add their own
 * context in front with err_add() on the way up; only main() prints, and only
 * main() ends the process.
 *
 * Threading: the text is per thread. A thread that fails hands its text over itself.
 */
#ifndef STRATA_LIB_ERR_H
#define STRATA_LIB_ERR_H

#include <stdbool.h>

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_SKIPPED = 77,
};

/* Set the error text. Always returns -1, so that "return err_set(...)" reads well. */
int err_set(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As err_set(), with ": " and strerror(errno) appended. Leaves errno as it was. */
int err_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Put "context: " in front of the present text. Always returns -1. */
int err_add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The present text; "" if there is none. Valid until this thread's next err_ call. */
const char *err_text(void);

/* Print "program: text" to stderr. */
void err_print(const char *program);

/* Of a command line that is wrong: print "strata-NAME: text; try "strata NAME --help"" to
 * stderr. Always returns -1. */
int err_usage(const char *name);

#endif
