/*
 * Requests on the wire: from the wire probe's records to HTTP/1 requests and replies as
 * byte ranges of their connections, which is how the join finds them in every kernel.
 *
 * Ends are told by Content-Length, chunks, and the statuses and methods that have no body; and
 * where the bytes that would tell were not captured, by the other direction's next
 * message, by FIN, or by the recording's end.
 */
#ifndef STRATA_TRACER_HTTP_H
#define STRATA_TRACER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "tracer/traceparent.h"

enum protocol { PROTOCOL_HTTP, PROTOCOL_PING_PONG, PROTOCOL_AUTO, PROTOCOL_COUNT };

#define HTTP_METHOD_MAX 16
#define HTTP_PATH_MAX   96

struct http_request {
	uint64_t flow;
	uint8_t client_addr[16], server_addr[16];
	uint16_t client_port, server_port;
	bool ipv6;
	bool tls;         /* ranges are of the ciphertext, request_bytes and reply_bytes not */
	uint8_t protocol; /* enum protocol; without HTTP no method, path, status */
	bool new_connection; /* the first request of a connection that was seen from its start
			      */
	bool request_exact;  /* its end was told by its own bytes */
	bool answered;       /* a reply was seen, to its end */
	bool reply_exact;
	uint16_t status;
	uint8_t version;               /* 0 or 1: HTTP/1.x */
	char method[HTTP_METHOD_MAX];  /* printable */
	char path[HTTP_PATH_MAX];      /* printable, cut */
	struct traceparent trace;      /* that the request says it is part of, if valid */
	uint32_t index;                /* on its connection, from 0 */
	uint32_t request_seq;          /* first byte */
	uint32_t request_end;          /* the byte after the last */
	uint32_t reply_seq, reply_end; /* valid if answered */
	uint64_t request_bytes, reply_bytes;
	uint64_t request_first_ns, request_last_ns; /* on the wire */
	uint64_t reply_first_ns, reply_last_ns;
};

struct http_stats {
	uint64_t segments;
	uint64_t requests;      /* handed out */
	uint64_t retransmitted; /* segments seen before */
	uint64_t resynced;      /* times that bytes between messages were missed */
	uint64_t evicted;       /* connections forgotten to bound memory */
	uint64_t ignored;       /* records that made no sense */
};

struct http;

/* request is called when a reply ended, or will never be seen; in order per connection. */
struct http *http_create(void (*request)(void *ctx, const struct http_request *r), void *ctx,
			 size_t connections_max);

/* The next record, in time order (nearly). Of EVENT_PLAIN seq has to count the plaintext. -1
 * with a sentence if memory is short. */
int http_feed(struct http *h, const struct strata_wire *wire);

/* Time has gone on to now_ns: close what has been quiet for long. Cheap, but not free: call it
 * about once a second. */
void http_idle(struct http *h, uint64_t now_ns);

/* The recording is over: hand out what is open. */
void http_finish(struct http *h);

struct http_stats http_stats(const struct http *h);
void http_destroy(struct http *h);

#endif
