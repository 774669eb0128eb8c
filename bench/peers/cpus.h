/*
 * Which CPUs a system and its client run on. The client has the last one that we may use; the
 * system all the others if those are three or more (for its processor, the monitor's thread
 * that moves frames, and the kernel's), else all. Fixed when first asked for.
 *
 * Threading: first asked for by one thread, whose affinity it is.
 */
#ifndef STRATA_BENCH_PEERS_CPUS_H
#define STRATA_BENCH_PEERS_CPUS_H

#include <sched.h>

#include <jansson.h>

const cpu_set_t *cpus_client(void);
const cpu_set_t *cpus_system(void);

/* {"client": "3", "system": "0,1,2"}; the caller's. */
json_t *cpus_json(void);

#endif
