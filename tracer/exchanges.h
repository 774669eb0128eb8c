/*
 * Requests on the wire, whatever the protocol: each connection's records go to the one who
 * understands them. PROTOCOL_AUTO: a connection is HTTP from the first segment on that begins
 * like an HTTP message; until then it is taken by change of direction.
 */
#ifndef STRATA_TRACER_EXCHANGES_H
#define STRATA_TRACER_EXCHANGES_H

#include "tracer/http.h"

struct exchanges;

/* As those of tracer/http.h. */
struct exchanges *exchanges_create(void (*request)(void *ctx, const struct http_request *r),
				   void *ctx, size_t connections_max);
int exchanges_feed(struct exchanges *x, enum protocol protocol, const struct strata_wire *w);
/* The application's side of TLS is told, too (EVENT_PLAIN): a connection that speaks TLS is
 * looked at there, as HTTP, and not on the wire. Without that TLS is taken by change of
 * direction. */
void exchanges_have_plaintext(struct exchanges *x);
void exchanges_idle(struct exchanges *x, uint64_t now_ns);
void exchanges_finish(struct exchanges *x);
struct http_stats exchanges_stats(const struct exchanges *x);
void exchanges_destroy(struct exchanges *x);

/* NULL and -1: there is no such. */
const char *protocol_name(enum protocol protocol);
int protocol_by_name(const char *name);

#endif
