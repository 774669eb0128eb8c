/*
 * An HTTP/1.1 reply, read as it arrives (RFC 9112). Takes bytes in pieces of any size, says
 * where the reply ends, and hands out the body without its transfer coding. What a server sends
 * is untrusted: every length is bounded, every malformed byte an error with a sentence.
 */
#ifndef STRATA_BENCH_LOAD_REPLY_H
#define STRATA_BENCH_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_LINE_MAX   8192  /* one line of the head, a chunk's size, or the trailer */
#define REPLY_HEAD_MAX   65536 /* all these lines but the chunks' sizes */
#define REPLY_LENGTH_MAX (UINT64_C(1) << 62)

enum reply_state {
	REPLY_STATUS_LINE,
	REPLY_HEADERS,
	REPLY_BODY_LENGTH, /* so many bytes */
	REPLY_BODY_CLOSE,  /* until the connection ends */
	REPLY_CHUNK_SIZE,
	REPLY_CHUNK_DATA,
	REPLY_CHUNK_END, /* the line end after a chunk's data */
	REPLY_TRAILER,
	REPLY_DONE,
	REPLY_BAD,
};

typedef void (*reply_body_fn)(void *ctx, const char *data, size_t len);

struct reply {
	enum reply_state state;
	unsigned int status;
	bool keep_alive;     /* may the connection carry another request? */
	uint64_t body_bytes; /* so far, without the transfer coding */
	const char *bad;     /* what was wrong, once REPLY_BAD */

	reply_body_fn body; /* may be NULL */
	void *body_ctx;

	uint64_t left;   /* of the body or of this chunk */
	bool has_length; /* Content-Length was there; its value is in left */
	bool chunked;
	bool coded; /* Transfer-Encoding was there */
	size_t head_bytes;
	size_t line_len;
	char line[REPLY_LINE_MAX];
};

/* Ready for a reply to a GET. */
void reply_init(struct reply *r, reply_body_fn body, void *ctx);

/* Take the next bytes. Returns how many belonged to the reply: less than len only once it is
 * REPLY_DONE or REPLY_BAD. */
size_t reply_feed(struct reply *r, const char *data, size_t len);

/* The connection has ended. True if that completes the reply or it was complete already. */
bool reply_end(struct reply *r);

#endif
