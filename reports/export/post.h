/*
 * To a collector over HTTP: what an export writes is sent on line by line, each a document of
 * its own, as OTLP/HTTP wants it (OpenTelemetry's specification, "OTLP/HTTP Request").
 *
 * What the collector has no time for (429, 502, 503, 504, or nobody there) is tried again, with
 * growing pauses or after the time that it asked for; a refusal is a failure, and so is what
 * it took only in part.
 */
#ifndef STRATA_REPORTS_EXPORT_POST_H
#define STRATA_REPORTS_EXPORT_POST_H

#include <stdio.h>

struct post;

/* A URL without a path means that of OTLP's traces, /v1/traces. NULL with a sentence. */
struct post *post_open(const char *url, const char *content_type);

/* Where the export is to write. */
FILE *post_stream(struct post *p);

/* Send what was written since. The export's after_request. */
int post_send(void *p);

/* How many documents were sent. */
unsigned long post_count(const struct post *p);

void post_close(struct post *p);

#endif
