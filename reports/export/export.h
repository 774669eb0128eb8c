/*
 * Exports: a recording's requests, streamed into a format that other tools read.
 *
 * A format is a row of export_formats and a file of its own. It is a pure function of what the
 * analysis finds: it is told of each segment on the wire and of each request as they go by, and
 * keeps no more than it must; memory does not grow with the recording.
 *
 * Threading: an export belongs to one thread. Errors: -1 with a sentence.
 */
#ifndef STRATA_REPORTS_EXPORT_EXPORT_H
#define STRATA_REPORTS_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tracer/analyse.h"
#include "tracer/model.h"

struct export
{
	const struct export_format *format;
	const struct model *m;
	FILE *out;   /* where the format writes, when it likes to */
	void *state; /* state_bytes of the format's own, zeroed */
	bool begun;
	bool wall_known;        /* the recording says what time of day it was */
	int64_t wall_offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC; 0 if not known */
	uint64_t requests, partial;

	const struct filter *filter; /* which requests are wanted; NULL: all */

	/* Called after each request, if set: is it to go on? */
	int (*after_request)(void *ctx);
	void *ctx;
};

/* What a format may do beside a file. */
enum export_ways {
	EXPORT_BINARY = 1 << 0, /* nothing for a terminal */
	EXPORT_POSTS = 1 << 1,  /* each line is a document that a collector takes */
	EXPORT_SERVES = 1 << 2, /* what it is like by now can be had at any time */
};

struct export_format {
	const char *name, *title;
	unsigned int ways;        /* enum export_ways */
	const char *content_type; /* over HTTP */
	size_t state_bytes;
	/* Any may be NULL. begin comes before the others, when it is known which hops there
	 * are. */
	int (*begin)(struct export *e);
	int (*wire)(struct export *e, const struct strata_wire *w);
	int (*request)(struct export *e, const struct request *r);
	int (*end)(struct export *e); /* if EXPORT_SERVES: may be called again */
	void (*free)(struct export *e);
};

/* NULL-terminated. */
extern const struct export_format *const export_formats[];

/* NULL if there is no such format. */
const struct export_format *export_format_by_name(const char *name);

/* out stays the caller's. */
int export_open(struct export *e, const struct export_format *format, FILE *out);
void export_close(struct export *e);

/* Callbacks of an analysis that is to be exported, e being its ctx. */
int export_on_request(void *e, const struct model *m, const struct request *r);
int export_on_wire(void *e, const struct model *m, const struct strata_wire *w);

/* Nothing follows (or: what it is like by now). m is the analysis's model. */
int export_finish(struct export *e, const struct model *m);

/* A time on the host's line as nanoseconds since 1970, if the recording knows; else since the
 * host's start. */
uint64_t export_wall_ns(const struct export *e, uint64_t time_ns);

/* "GET /index.html"; the protocol's name where that is not HTTP. */
struct request_name {
	char s[HTTP_METHOD_MAX + HTTP_PATH_MAX + 2];
};

struct request_name export_request_name(const struct request *r);

#endif
