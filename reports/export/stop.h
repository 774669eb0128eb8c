/* Ctrl-C, or a polite request to end: asked for between pieces of work. */
#ifndef STRATA_REPORTS_EXPORT_STOP_H
#define STRATA_REPORTS_EXPORT_STOP_H

#include <stdbool.h>

void stop_watch(void);
bool stop_wanted(void);

/* 0, or -1 with a sentence if the end is wanted. */
int stop_check(void);

#endif
