/*
 * The end, when it is asked for: Ctrl-C, or a polite SIGTERM, between pieces of work.
 *
 * Threading: the flag is set by a signal's handler and may be read by any thread.
 */
#ifndef STRATA_LIB_STOP_H
#define STRATA_LIB_STOP_H

#include <stdbool.h>

/* Somebody asked for the end. */
extern volatile bool stop_asked;

/* From now on SIGINT and SIGTERM set it; a second one ends the process at once. System calls
 * are interrupted (no SA_RESTART). */
void stop_on_signals(void);

/* 0, or -1 with a sentence if the end was asked for. */
int stop_check(void);

#endif
