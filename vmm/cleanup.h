/*
 * What must not outlive the process: files it made and the terminal's settings. Whoever makes
 * such a thing registers it here; the end of main() and the signal that ends us at once both
 * undo it all.
 */
#ifndef STRATA_VMM_CLEANUP_H
#define STRATA_VMM_CLEANUP_H

#include <termios.h>

/* Remove this file in the end. Main thread, before vCPUs run. -1 with a sentence if there are
 * too many. */
int cleanup_file(const char *path);

/* Give the terminal at fd these settings back. */
void cleanup_terminal(int fd, const struct termios *settings);

/* Undo it all, once. Async-signal-safe. */
void cleanup_now(void);

#endif
