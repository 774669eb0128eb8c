/*
 * One scenario at a time on a machine, and what one that was killed has left.
 *
 * A lock on /run/strata/run/current, whose content says what is running; it is held until the
 * process ends, however it ends. Who gets it and finds a content finds leftovers: VMs of that
 * run, if any outlived it, its folder in memory, and the settings of VMs that are gone
 * (scenarios/remedies). Namespaces, links, mounts and all else vanish by themselves.
 */
#ifndef STRATA_SCENARIOS_RUN_LOCK_H
#define STRATA_SCENARIOS_RUN_LOCK_H

#include <stdio.h>

/* Take it, and remove what a dead run has left; told gets a line for each thing. The lock's
 * descriptor; -1 with a sentence: another scenario runs. */
int lock_take(FILE *told);

/* Say what is running now. -1 with a sentence. */
int lock_note(int fd, const char *scenario, const char *folder);

/* Nothing is left any more. */
void lock_release(int fd);

#endif
