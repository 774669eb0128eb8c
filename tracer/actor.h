/*
 * Actors: who had the CPU while somebody else waited for it. The kernel names a thread, its
 * cgroup's number and, if it is a traced one's, its VM, in each event; what else /proc said of
 * it while it lived (its process, its cgroup's path, whose VM it is) stands in the recording's
 * META (tracer/rivals.h).
 */
#ifndef STRATA_TRACER_ACTOR_H
#define STRATA_TRACER_ACTOR_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/event.h"
#include "lib/offcpu.h"

#define ACTOR_VM_BYTES     32
#define ACTOR_CGROUP_BYTES 128

struct actor {
	char comm[OFF_COMM_BYTES + 1];
	uint32_t tid; /* the first of that name that was seen */
	uint32_t cgroup;
	uint8_t vm, domain;
	uint64_t had_ns; /* of requests' time that others waited */
	/* From META; "" or 0: not known. */
	uint32_t pid; /* its process, and that one's name */
	char process[OFF_COMM_BYTES + 1];
	char vm_name[ACTOR_VM_BYTES]; /* of a VM that is not traced, too */
	char cgroup_path[ACTOR_CGROUP_BYTES];
};

/* Bounded: those that come when it is full are nobody. */
#define ACTORS_MAX 256

struct actors {
	struct actor at[ACTORS_MAX]; /* at[0] is nobody */
	uint16_t count, slot[4 * ACTORS_MAX];
};

/* Whom an event CONTEXT_TASK_OFF (lib/offcpu.h) names as rival: an index into at[]. */
uint16_t actors_learn(struct actors *a, const struct strata_event *e);

/* Take from META's "rivals" what it says of that one. */
void actor_take(struct actor *a, const json_t *rivals);

/* "VM noisy", or by its number; "" if it works for none. */
struct actor_vm {
	char s[ACTOR_VM_BYTES + 8];
};

struct actor_vm actor_vm(const struct actor *a);

/* Who it is, for a sentence: "vcpu0 (thread 4711 of strata-vmm, VM noisy, cgroup /vms/noisy)".
 */
void actor_text(const struct actor *a, char *text, size_t bytes);

/* A new reference: {"comm":...,"tid":...,"cgroup":...,"vm":...,"domain":...}, and what META
 * said: "pid", "process", "vm_name", "cgroup_path", null if it did not. */
json_t *actor_json(const struct actors *a, uint16_t actor);

#endif
