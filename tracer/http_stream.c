/* Message boundaries in one direction of a connection: see http_stream.h. */
#include "tracer/http_stream.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METHOD_MAX 16

static bool contains(const uint8_t *bytes, size_t n, const char *text)
{
	return memmem(bytes, n, text, strlen(text));
}

bool http_looks_like(const uint8_t *bytes, size_t n, bool reply)
{
	static const char version[] = "HTTP/1.";
	const uint8_t *newline;
	size_t i = 0;

	if (!n)
		return false;
	if (reply)
		return !memcmp(bytes, version, n < 7 ? n : 7);
	while (i < n && i < METHOD_MAX && bytes[i] >= 'A' && bytes[i] <= 'Z')
		i++;
	if (i == n)
		return true; /* a method cut by the segment's end */
	if (i < 3 || bytes[i] != ' ')
		return false;
	newline = memchr(bytes, '\n', n);
	return !newline || contains(bytes, (size_t)(newline - bytes), " HTTP/1.");
}

void http_stream_segment(struct http_stream *s, const struct http_cursor *c)
{
	bool like;

	if (s->state != HTTP_LOST)
		return;
	like = http_looks_like(c->bytes, c->captured, s->reply);
	if (!like) {
		s->missed = true;
		return;
	}
	s->state = HTTP_START_LINE;
	s->line_len = 0;
	s->resynced = s->missed;
	s->missed = false;
}

static void consume(struct http_stream *s, struct http_cursor *c, uint64_t n)
{
	uint32_t seen = n < c->captured ? (uint32_t)n : c->captured;

	c->bytes += seen;
	c->captured -= seen;
	c->len -= (uint32_t)n;
	s->next_seq += (uint32_t)n;
	s->message_bytes += n;
}

/* Bytes that were not captured, where they matter. */
static void unseen(struct http_stream *s, struct http_cursor *c)
{
	if (s->state == HTTP_START_LINE) {
		s->state = HTTP_LOST;
		s->missed = s->skipped = true;
	} else if (s->state != HTTP_LOST) {
		s->state = HTTP_OPEN;
	}
	consume(s, c, c->len);
}

/* Gather one line. True when it is whole; without its end, and cut if it is too long. */
static bool take_line(struct http_stream *s, struct http_cursor *c)
{
	const uint8_t *end = memchr(c->bytes, '\n', c->captured);
	size_t n = end ? (size_t)(end - c->bytes) + 1 : c->captured;
	size_t room = HTTP_LINE_MAX - s->line_len, copy = n < room ? n : room;

	memcpy(s->line + s->line_len, c->bytes, copy);
	s->line_cut = n > room;
	s->line_len += (uint16_t)copy;
	consume(s, c, n);
	if (!end)
		return false;
	while (s->line_len &&
	       (s->line[s->line_len - 1] == '\n' || s->line[s->line_len - 1] == '\r'))
		s->line_len--;
	s->line[s->line_len] = '\0';
	return true;
}

static bool valid_start(const struct http_stream *s)
{
	if (!http_looks_like((const uint8_t *)s->line, s->line_len, s->reply))
		return false;
	return s->reply ? s->line_len >= 12 : s->line_cut || strstr(s->line, " HTTP/1.");
}

static enum http_step start_line(struct http_stream *s, struct http_cursor *c)
{
	if (!s->line_len) {
		s->message_seq = s->next_seq;
		s->message_bytes = 0;
	}
	if (!take_line(s, c))
		return HTTP_MORE;
	if (!s->line_len)
		return HTTP_MORE; /* empty lines before a start line: RFC 9112, 2.2 */
	if (!valid_start(s)) {
		s->state = HTTP_LOST;
		s->missed = true;
		s->line_len = 0;
		consume(s, c, c->len);
		return HTTP_MORE;
	}
	s->state = HTTP_HEADERS;
	s->chunked = s->has_length = s->traced = s->trace.valid = false;
	return HTTP_STARTED;
}

static void header(struct http_stream *s)
{
	const char *value = strchr(s->line, ':');
	size_t name;

	if (!value)
		return;
	name = (size_t)(value - s->line);
	value += 1 + strspn(value + 1, " \t");
	if (name == 14 && !strncasecmp(s->line, "Content-Length", name) &&
	    isdigit((unsigned char)*value)) {
		s->has_length = true;
		s->length = strtoull(value, NULL, 10);
	} else if (name == 17 && !strncasecmp(s->line, "Transfer-Encoding", name)) {
		s->chunked = strcasestr(value, "chunked");
	} else if (name == 11 && !strncasecmp(s->line, "traceparent", name)) {
		traceparent_parse(&s->trace, value);
		s->trace.valid &= !s->traced;
		s->traced = true;
	}
}

static enum http_step headers(struct http_stream *s, struct http_cursor *c)
{
	bool empty;

	if (!take_line(s, c))
		return HTTP_MORE;
	empty = !s->line_len;
	header(s);
	s->line_len = 0;
	return empty ? HTTP_FRAMED : HTTP_MORE;
}

void http_stream_body(struct http_stream *s, bool none)
{
	s->line_len = 0;
	s->remaining = 0;
	if (none) {
		s->state = HTTP_BODY;
	} else if (s->chunked) {
		s->state = HTTP_CHUNK_SIZE;
	} else if (s->has_length || !s->reply) {
		s->state = HTTP_BODY;
		s->remaining = s->has_length ? s->length : 0;
	} else {
		s->state = HTTP_OPEN;
	}
}

static enum http_step ended(struct http_stream *s)
{
	s->state = HTTP_START_LINE;
	s->line_len = 0;
	return HTTP_ENDED;
}

static void chunk_size(struct http_stream *s, struct http_cursor *c)
{
	char *end;

	if (!take_line(s, c))
		return;
	s->remaining = strtoull(s->line, &end, 16);
	s->line_len = 0;
	if (end == s->line)
		s->state = HTTP_OPEN; /* no number: the framing is lost */
	else
		s->state = s->remaining ? HTTP_CHUNK_DATA : HTTP_TRAILERS;
}

static void skip_body(struct http_stream *s, struct http_cursor *c)
{
	uint64_t n = c->len < s->remaining ? c->len : s->remaining;

	consume(s, c, n);
	s->remaining -= n;
	if (!s->remaining && s->state == HTTP_CHUNK_DATA)
		s->state = HTTP_CHUNK_END;
}

/* One state's worth of work on the captured bytes. */
static enum http_step advance(struct http_stream *s, struct http_cursor *c)
{
	switch (s->state) {
	case HTTP_START_LINE:
		return start_line(s, c);
	case HTTP_HEADERS:
		return headers(s, c);
	case HTTP_CHUNK_SIZE:
		chunk_size(s, c);
		return HTTP_MORE;
	case HTTP_CHUNK_END:
		if (take_line(s, c)) {
			s->state = HTTP_CHUNK_SIZE;
			s->line_len = 0;
		}
		return HTTP_MORE;
	case HTTP_TRAILERS:
		if (take_line(s, c)) {
			bool last = !s->line_len;

			s->line_len = 0;
			return last ? ended(s) : HTTP_MORE;
		}
		return HTTP_MORE;
	case HTTP_BODY:
	case HTTP_CHUNK_DATA:
		skip_body(s, c);
		return HTTP_MORE;
	default:
		consume(s, c, c->len);
		return HTTP_MORE;
	}
}

enum http_step http_stream_step(struct http_stream *s, struct http_cursor *c)
{
	for (;;) {
		bool counted = s->state == HTTP_BODY || s->state == HTTP_CHUNK_DATA ||
			       s->state == HTTP_OPEN;
		enum http_step step;

		if (s->state == HTTP_BODY && !s->remaining)
			return ended(s);
		if (!c->len)
			return HTTP_MORE;
		if (!c->captured && !counted) {
			unseen(s, c);
			return HTTP_MORE;
		}
		step = advance(s, c);
		if (step != HTTP_MORE)
			return step;
	}
}

bool http_stream_close(struct http_stream *s)
{
	if (s->state == HTTP_LOST || (s->state == HTTP_START_LINE && !s->line_len))
		return false;
	ended(s);
	return true;
}
