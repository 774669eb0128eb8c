/*
 * When a process first entered guest mode, whoever's monitor it is: the first kvm:kvm_entry of
 * its threads, from an instance of the kernel's own trace buffer (Linux,
 * Documentation/trace/ftrace.rst, "Instances") that keeps the oldest events.
 */
#ifndef STRATA_BENCH_PEERS_FIRST_ENTRY_H
#define STRATA_BENCH_PEERS_FIRST_ENTRY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct first_entry {
	char folder[128];
	bool on;
};

/* Begin to record. Where tracefs cannot be had, there will be no answer. */
void first_entry_begin(struct first_entry *f);

/* Nanoseconds from start_ns (CLOCK_MONOTONIC) to the first entry of a thread of pid, which
 * still runs; -1 if there was none. */
int64_t first_entry_find(const struct first_entry *f, pid_t pid, int64_t start_ns);

void first_entry_end(struct first_entry *f);

#endif
