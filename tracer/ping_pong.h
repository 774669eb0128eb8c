/*
 * Requests and replies of any protocol in which two parties take turns over TCP (Redis,
 * memcached, SQL, TLS around anything): what the client sends until the server speaks is a
 * request, what the server sends until the client speaks again is its reply. Identity is by
 * byte ranges, as everywhere; the bytes themselves are not looked at.
 *
 * Requests that are sent together are one. What a server says unasked, a greeting, is nobody's.
 * A reply's end is known when the client goes on, by FIN, or by silence.
 */
#ifndef STRATA_TRACER_PING_PONG_H
#define STRATA_TRACER_PING_PONG_H

#include "tracer/http.h"

struct ping_pong;

/* As those of tracer/http.h; the requests have neither method, nor path, nor status. */
struct ping_pong *ping_pong_create(void (*request)(void *ctx, const struct http_request *r),
				   void *ctx, size_t connections_max);
/* Nothing of that connection's was a request. */
void ping_pong_forget(struct ping_pong *p, uint64_t flow);
int ping_pong_feed(struct ping_pong *p, const struct strata_wire *wire);
void ping_pong_idle(struct ping_pong *p, uint64_t now_ns);
void ping_pong_finish(struct ping_pong *p);
struct http_stats ping_pong_stats(const struct ping_pong *p);
void ping_pong_destroy(struct ping_pong *p);

#endif
