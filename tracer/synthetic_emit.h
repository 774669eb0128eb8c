/*
 * What observers would record of a synthetic message: events at each hop, in each
 * kernel's own time, in the order in which a collector writes them; wire records and clock
 * samples. Only tracer/synthetic.c uses this.
 */
#ifndef STRATA_TRACER_SYNTHETIC_EMIT_H
#define STRATA_TRACER_SYNTHETIC_EMIT_H

#include "tracer/synthetic.h"

#define SYNTHETIC_GUEST        1 /* its clock domain, and its number as a VM */
#define SYNTHETIC_TICKS_PER_NS 2.5
#define SYNTHETIC_TSC_OFFSET   (-55555555555) /* the guest's */
#define SYNTHETIC_PORT         80

struct emit_message {
	uint16_t client_port;
	uint8_t client_host;
	bool ipv6;
	enum strata_direction direction;
	uint32_t seq, bytes;
	const uint8_t *payload;
	uint32_t segment_bytes;
	bool merge;
};

struct emitter;

/* Writes META, too. */
struct emitter *emit_create(struct recording_writer *w, const struct synthetic_options *o,
			    uint64_t start_ns);
void emit_destroy(struct emitter *e);

uint64_t emit_flow(const struct emit_message *m);

/* The message at each hop of its direction; request_end: how far the request had been read. */
int emit_message(struct emitter *e, const struct emit_message *m,
		 const uint64_t time_ns[HOP_COUNT], uint32_t request_end);

/* A VM's exits on the way of a request and its reply. */
int emit_exits(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT]);

/* Who had no CPU while it was delayed, if the options have that told. */
int emit_delay(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT]);

/* Its packets once more, later_ns later, up to and including hop up_to (HOP_COUNT: all). */
int emit_again(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT], uint64_t later_ns, uint32_t up_to);

/* META of such a recording; NULL if memory is short. */
json_t *synthetic_meta(const struct synthetic_options *o, uint64_t start_ns);

/* Clock samples up to now. */
int emit_clocks(struct emitter *e, uint64_t now_ns);
int emit_finish(struct emitter *e);

#endif
