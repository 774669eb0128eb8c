/* The result for programs: one JSON document, schema strata.trace/1. */
#ifndef STRATA_TRACER_JSON_H
#define STRATA_TRACER_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "tracer/model.h"

struct json_options {
	bool requests; /* each request that was kept, with its hops */
};

/* A new reference; NULL with a sentence. */
json_t *json_document(struct model *m, const struct json_options *options);

/* One request, as in the document's list; a new reference, NULL if memory is short. */
json_t *json_request(const struct model *m, const struct request *r);

/* Print it. -1 with a sentence if the stream failed. */
int json_report(struct model *m, const struct json_options *options, FILE *f);

/* The document's parts. */
json_t *json_requests(const struct model *m);
json_t *json_drop(const struct model *m, const struct drop *drop);

static inline json_t *json_number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

#endif
