/*
 * Causes: what a hop's time was made of. A thread waited for a CPU, and who had it; a vCPU's
 * exits were handled; the server's process slept, and for what. The rows are tracer/cause.def.
 *
 * Within one hop no nanosecond is counted twice. What is left when all that was recorded is
 * taken away belongs to what the hop can only have been (a queueing discipline, the wire), or
 * to nobody: it stays unexplained.
 */
#ifndef STRATA_TRACER_CAUSE_H
#define STRATA_TRACER_CAUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/hop.h"
#include "lib/offcpu.h"
#include "tracer/actor.h"

enum cause {
#define CAUSE(id, ...) CAUSE_##id,
#include "tracer/cause.def"
#undef CAUSE
	CAUSE_COUNT
};

struct cause_info {
	const char *name, *note, *sentence, *text;
};

/* Indexed by enum cause. */
extern const struct cause_info cause_table[CAUSE_COUNT];

/* What is left of a hop's time can only be that; CAUSE_COUNT: not known. */
enum cause cause_held(enum strata_hop hop);

#define REQUEST_CAUSES_MAX 64

/* A part of one hop's time. */
struct request_cause {
	uint64_t ns;
	uint16_t count; /* how often */
	uint16_t actor; /* who ran instead; 0: nobody, or not known */
	uint8_t hop;    /* enum strata_hop */
	uint8_t cause;  /* enum cause */
	uint8_t layer;  /* whose time it is: a guest's hop may have time of the hypervisor's */
	uint8_t detail; /* CAUSE_EXIT: enum exit_kind; CPU, QUOTA, WAKE: enum off_task */
};

struct request_causes {
	struct request_cause at[REQUEST_CAUSES_MAX];
	uint8_t count;
	bool full; /* there was more than fits */
};

/* One more, as it is; full if there is no room. */
void causes_put(struct request_causes *c, const struct request_cause *part);

/* Add to what is there of the same kind, as one that happened once. */
void causes_add(struct request_causes *c, const struct request_cause *part);

/* A part of a request's time in a few words: "waiting for a CPU, which stress-ng (123) had". */
void cause_text(const struct actors *a, const struct request_cause *c, char *text,
		size_t bytes);

/* New references: {"cause":...,"ns":...,"count":...,"layer":...}, with "reason" of exits,
 * "task" that waited, "rival" (actor_json()). */
json_t *cause_json(const struct actors *a, const struct request_cause *c);

/* A thread's part in words: "a vCPU", "the VMM's thread", ... */
const char *off_task_name(enum off_task task);

#endif
