/*
 * Tracing for the live view: strata trace as a process of its own, which writes a recording
 * that the interface reads on in. What goes wrong there is told here; nothing here can hold it
 * up.
 */
#ifndef STRATA_TUI_TRACE_CHILD_H
#define STRATA_TUI_TRACE_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct trace_child {
	pid_t pid; /* 0: it has ended */
	char folder[64];
	char recording[PATH_MAX];
	char log[128];
	bool kept; /* somebody named the recording: it stays */
};

/* arguments: strata trace's options, NULL-terminated. -1 with a sentence. */
int trace_child_start(struct trace_child *t, char *const *arguments);

/* Has it ended? If it failed, why (its own words) is in text, else that is "". */
bool trace_child_ended(struct trace_child *t, char *text, size_t bytes);

/* End it, and remove what nobody asked to keep. */
void trace_child_stop(struct trace_child *t);

#endif
