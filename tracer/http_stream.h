/*
 * One direction of an HTTP/1 connection: where messages begin and end (RFC 9112),
 * from segments of which perhaps only the first bytes were captured.
 *
 * The bytes are hostile: whatever they are, a stream takes constant memory, and each call
 * takes time in proportion to the captured bytes.
 */
#ifndef STRATA_TRACER_HTTP_STREAM_H
#define STRATA_TRACER_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracer/traceparent.h"

#define HTTP_LINE_MAX 256

enum http_state {
	HTTP_LOST,       /* looking for a segment that begins with a start line */
	HTTP_START_LINE, /* between messages, or within a start line */
	HTTP_HEADERS,
	HTTP_BODY,       /* remaining bytes of it */
	HTTP_CHUNK_SIZE, /* RFC 9112, 7.1 */
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END, /* the CRLF after a chunk */
	HTTP_TRAILERS,
	HTTP_OPEN, /* its end cannot be told from the bytes: see http_stream_close() */
};

struct http_stream {
	enum http_state state;
	bool reply;
	bool started;  /* next_seq is known */
	bool resynced; /* the present message was found after some were missed */
	bool missed;   /* bytes between messages were not seen */
	bool skipped;  /* ... from the very beginning of one on */
	bool chunked, has_length;
	bool traced; /* a traceparent was there; more than one is none */
	struct traceparent trace;
	bool line_cut; /* the line was longer than HTTP_LINE_MAX */
	uint16_t line_len;
	uint32_t next_seq;
	uint32_t message_seq; /* first byte of the present message */
	uint64_t message_bytes;
	uint64_t remaining;
	uint64_t length;
	char line[HTTP_LINE_MAX + 1];
};

/* Bytes of a segment yet to be looked at; those beyond captured were not seen. */
struct http_cursor {
	const uint8_t *bytes;
	uint32_t captured;
	uint32_t len;
};

enum http_step {
	HTTP_MORE,    /* the cursor is used up */
	HTTP_STARTED, /* the start line is in line */
	HTTP_FRAMED,  /* the headers are over: answer with http_stream_body() */
	HTTP_ENDED,   /* the message ended just before next_seq */
};

/* Go on until something happened. Call again until it says HTTP_MORE. */
enum http_step http_stream_step(struct http_stream *s, struct http_cursor *c);

/* At the start of a segment: a lost stream begins anew if the segment looks like a message. */
void http_stream_segment(struct http_stream *s, const struct http_cursor *c);

/* After HTTP_FRAMED. none: whatever the headers say, there is no body (RFC 9112, 6.3). */
void http_stream_body(struct http_stream *s, bool none);

/* The message ends here, by what the other direction or a FIN tells. False if there is none. */
bool http_stream_close(struct http_stream *s);

/* Could these be the first bytes of a request, or of a reply? */
bool http_looks_like(const uint8_t *bytes, size_t n, bool reply);

#endif
