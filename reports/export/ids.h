/*
 * What a request is called in a distributed trace (W3C Trace Context, OpenTelemetry).
 *
 * A request that carries a traceparent belongs to that trace, below that parent. Any other
 * begins a trace of its own, whose name follows from the recording and the request's place on
 * its connection: the same in every export of the same recording, and in every format.
 */
#ifndef STRATA_REPORTS_EXPORT_IDS_H
#define STRATA_REPORTS_EXPORT_IDS_H

#include "reports/export/export.h"

struct trace_ids {
	char trace_id[33], parent_id[17]; /* lower-case hexadecimal; parent "": none */
	uint64_t span;                    /* the request's own span; not 0 */
	uint8_t flags;                    /* enum of the standard: 1 is sampled */
};

void trace_ids_of(const struct export *e, const struct request *r, struct trace_ids *ids);

struct span_id {
	char s[17];
};

/* Of the request's span, or of the n-th in it, n from 1. */
struct span_id span_id(const struct trace_ids *ids, unsigned int n);

#endif
