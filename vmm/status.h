/*
 * What the machine says of itself, as JSON. Called on the control thread.
 */
#ifndef STRATA_VMM_STATUS_H
#define STRATA_VMM_STATUS_H

#include <jansson.h>

struct machine;

/* Put everything into the object: name, state, vCPUs, clock, memory, devices, PCI. */
void status_report(struct machine *m, json_t *into);

/* Counters alone: exits, unclaimed accesses, devices. Does not disturb the vCPUs. */
void status_counters(struct machine *m, json_t *into);

#endif
