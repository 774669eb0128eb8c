/*
 * An export over HTTP, as it is by now, for whoever scrapes it: GET /metrics.
 *
 * What comes in is left to libmicrohttpd, within bounds: connections, their time, their memory.
 * No threads: it lives while serve_for() runs.
 */
#ifndef STRATA_REPORTS_EXPORT_SERVE_H
#define STRATA_REPORTS_EXPORT_SERVE_H

#include "reports/export/export.h"

struct serve;

/* address: "HOST:PORT", "[IPV6]:PORT", or ":PORT" for every address of this machine. render
 * writes what it is by now. NULL with a sentence. */
struct serve *serve_open(const char *address, const char *content_type,
			 int (*render)(void *ctx, FILE *f), void *ctx);

/* Answer for so long, or until a signal comes. -1 with a sentence. */
int serve_for(struct serve *s, int ms);

/* "http://127.0.0.1:9464/metrics", with the port that was taken where 0 was asked for. */
const char *serve_url(const struct serve *s);

void serve_close(struct serve *s);

#endif
