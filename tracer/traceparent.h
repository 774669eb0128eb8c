/*
 * The traceparent header, by which a request says which distributed trace it belongs to (W3C
 * Trace Context, Level 1, 3.2). Its text is hostile.
 */
#ifndef STRATA_TRACER_TRACEPARENT_H
#define STRATA_TRACER_TRACEPARENT_H

#include <stdbool.h>
#include <stdint.h>

#define TRACEPARENT_SAMPLED 0x01

struct traceparent {
	bool valid;
	uint8_t flags;
	uint8_t trace_id[16], parent_id[8];
};

/* The header's value, without white space in front. False, and invalid, if it is none. */
bool traceparent_parse(struct traceparent *t, const char *value);

#endif
