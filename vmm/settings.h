/*
 * What can be set while the machine runs, by the control socket; the rest of a VM's settings
 * are the host's (strata vm set). Threading: the control thread.
 */
#ifndef STRATA_VMM_SETTINGS_H
#define STRATA_VMM_SETTINGS_H

#include <jansson.h>
#include <stdint.h>

#define SETTINGS_HALT_POLL_MAX 10000000 /* ns; longer would be a CPU that only waits */

struct machine;

/* A rate of the device of that number (vmm/limit.h), 0: none; or its "burst-ms". -1 with a
 * sentence. */
int settings_limit(struct machine *m, int64_t device, const char *name, uint64_t value);

/* How long KVM waits for a halted vCPU's next work before it lets another task run
 * (KVM_CAP_HALT_POLL, Linux 5.11). -1 with a sentence. */
int settings_halt_poll(struct machine *m, uint64_t ns);

/* "halt_poll": {"per_vm": can it be set, "ns": what it was set to, or null}; "hugepages": the
 * size of the memory's pages as text, or null for ordinary ones. */
void settings_status(struct machine *m, json_t *into);

#endif
