/*
 * Progress for people: what is being done, and since when, on stderr, a line per step.
 * The clock runs from progress_start().
 */
#ifndef STRATA_LIB_PROGRESS_H
#define STRATA_LIB_PROGRESS_H

/* program stands in front of every line. */
void progress_start(const char *program);

/* "demo   3.2 s  text" */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
