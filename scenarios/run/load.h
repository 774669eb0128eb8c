/* The client's load on the victim, while VMs are watched and the user may want to end. */
#ifndef STRATA_SCENARIOS_RUN_LOAD_H
#define STRATA_SCENARIOS_RUN_LOAD_H

#include "scenarios/run/run.h"

/* So many requests; rate 0: a closed loop. strata-load's document (strata.load/1), the
 * caller's. NULL with a sentence: it failed, a VM ended, or the end was asked for. */
json_t *load_run(struct run *r, unsigned int requests, double rate);

#define LOAD_PORTS_MAX 4

/* The ports that its path names besides HTTP's own, each once. Returns how many. */
unsigned int load_ports(const struct scenario *s, uint16_t ports[LOAD_PORTS_MAX]);

/* Does a request need that VM: is it the victim, or named in the load's path? */
bool load_needs(const struct scenario *s, unsigned int vm);

#endif
