/*
 * The agent's service: probes on while the host wants events, their events into the shared
 * ring, clock samples beside them.
 *
 * What the host is told, as JSON, in the ring's answer:
 *   running  {"release":"6.12.0","hops":[...],"inferred":[...],"missing":[...],"probes":N,
 *             "nginx":"/usr/sbin/nginx" or null,"devices":["eth0"],"ksoftirqd":[TID,...]}
 *   failed   {"error":"..."}
 *   idle {"events":N,"lost":N,"agent_cpu_ns":N,"wall_ns":N,"bpf_runs":N,"bpf_run_time_ns":N,
 *         "steal_ms":N}
 */
#ifndef STRATA_PROBES_AGENT_SERVICE_H
#define STRATA_PROBES_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ring.h"
#include "probes/agent/survey.h"
#include "probes/agent/watch.h"

struct service {
	struct ring ring;
	struct watch watch; /* not open: idle */
	struct survey survey;
	uint32_t generation; /* of wanted: served, refused or given up */
	uint64_t events;
	uint64_t lost_before; /* by earlier sets of probes */
	uint64_t cpu_ns;      /* of this process, when the probes were opened */
	uint64_t steal_ms;    /* of this machine, by then */
	uint64_t started_ns;
	uint64_t clock_ns;      /* when the last clock sample was left */
	uint64_t steal_told_ns; /* ... and what was stolen was told */
	uint64_t put_ns;        /* when the ring last had room, or nothing was to be put */
	bool has_room;          /* ... had it in this turn */
	unsigned int pause_us;
};

/* Lay out the region. Fails with a sentence if it is too small. */
int service_create(struct service *s, void *memory, size_t bytes);

/* One turn: follow what the host wants, forward what there is. Returns how many microseconds
 * to sleep until the next. */
unsigned int service_turn(struct service *s);

/* The process ends: probes off, the host told. */
void service_end(struct service *s);

#endif
