/*
 * What a kernel says of its own threads and of its CPUs' time: which threads are ksoftirqd,
 * and how much time the hypervisor took from this machine's CPUs (steal, /proc/stat).
 */
#ifndef STRATA_LIB_THREADS_H
#define STRATA_LIB_THREADS_H

#include <stdint.h>

#include <jansson.h>

/* A new reference: an array of their thread ids; empty where none is to be seen. */
json_t *threads_ksoftirqd(void);

/* Since boot, all CPUs together, in steps of the kernel's tick; 0 on a machine that is told
 * nothing of it. */
uint64_t threads_steal_ms(void);

#endif
