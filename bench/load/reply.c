/* HTTP/1.1 replies: see reply.h. Section numbers are of RFC 9112. */
#include "bench/load/reply.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static void bad(struct reply *r, const char *why)
{
	r->state = REPLY_BAD;
	r->bad = why;
}

void reply_init(struct reply *r, reply_body_fn body, void *ctx)
{
	memset(r, 0, offsetof(struct reply, line));
	r->body = body;
	r->body_ctx = ctx;
}

/* 4: "HTTP/1.1 200 OK", the reason optional. */
static void take_status_line(struct reply *r)
{
	const char *s = r->line;

	if (strncmp(s, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)s[7]) || s[8] != ' ') {
		bad(r, "it does not begin with an HTTP/1 status line");
		return;
	}
	if (!isdigit((unsigned char)s[9]) || !isdigit((unsigned char)s[10]) ||
	    !isdigit((unsigned char)s[11]) || (s[12] != '\0' && s[12] != ' ') || s[9] == '0') {
		bad(r, "its status is no three-digit number");
		return;
	}
	r->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	r->keep_alive = s[7] != '0'; /* 9.3: persistence is the rule from 1.1 on */
	r->has_length = r->chunked = r->coded = false;
	r->left = 0;
	r->state = REPLY_HEADERS;
}

/* A comma-separated list's next word, trimmed; NULL at its end. */
static const char *next_word(const char **list, size_t *len)
{
	const char *start = *list + strspn(*list, " \t,"), *end;

	if (!*start)
		return NULL;
	end = start + strcspn(start, ",");
	*list = end;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*len = end - start;
	return start;
}

static bool word_is(const char *word, size_t len, const char *what)
{
	return strlen(what) == len && strncasecmp(word, what, len) == 0;
}

/* 6.3: equal repeated values are one value, different ones an error. */
static void take_content_length(struct reply *r, const char *value)
{
	const char *word;
	size_t len;

	while ((word = next_word(&value, &len))) {
		uint64_t n = 0;

		for (size_t i = 0; i < len; i++) {
			if (!isdigit((unsigned char)word[i]) || n > REPLY_LENGTH_MAX / 10) {
				bad(r, "its Content-Length is no number of bytes");
				return;
			}
			n = n * 10 + (word[i] - '0');
		}
		if (r->has_length && n != r->left) {
			bad(r, "it has two different Content-Lengths");
			return;
		}
		r->has_length = true;
		r->left = n;
	}
	if (!r->has_length)
		bad(r, "its Content-Length is empty");
}

/* 6.1: chunked is the last coding or none; whatever else there is, is not asked for by us. */
static void take_transfer_encoding(struct reply *r, const char *value)
{
	const char *word;
	size_t len;

	while ((word = next_word(&value, &len))) {
		if (r->chunked || !word_is(word, len, "chunked")) {
			bad(r, "its Transfer-Encoding is not \"chunked\"");
			return;
		}
		r->coded = r->chunked = true;
	}
}

static void take_connection(struct reply *r, const char *value)
{
	const char *word;
	size_t len;

	while ((word = next_word(&value, &len))) {
		if (word_is(word, len, "close"))
			r->keep_alive = false;
		else if (word_is(word, len, "keep-alive"))
			r->keep_alive = true;
	}
}

static const struct {
	const char *name;
	void (*take)(struct reply *r, const char *value);
} headers[] = {
	{"Content-Length", take_content_length},
	{"Transfer-Encoding", take_transfer_encoding},
	{"Connection", take_connection},
};

/* 6.3: how long is the body? */
static void head_ends(struct reply *r)
{
	if (r->status < 200) { /* an interim reply: the real one follows */
		r->state = REPLY_STATUS_LINE;
	} else if (r->status == 204 || r->status == 304) {
		r->state = REPLY_DONE;
	} else if (r->coded && r->has_length) {
		bad(r, "it has both a Content-Length and a Transfer-Encoding");
	} else if (r->chunked) {
		r->state = REPLY_CHUNK_SIZE;
	} else if (r->has_length) {
		r->state = r->left ? REPLY_BODY_LENGTH : REPLY_DONE;
	} else {
		r->keep_alive = false;
		r->state = REPLY_BODY_CLOSE;
	}
}

static void take_header(struct reply *r)
{
	size_t name = strcspn(r->line, ":");

	if (r->line_len == 0) {
		head_ends(r);
		return;
	}
	if (name == 0 || !r->line[name] || strcspn(r->line, " \t") < name) {
		bad(r, "a header line of it has no name");
		return;
	}
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (word_is(r->line, name, headers[i].name))
			headers[i].take(r, r->line + name + 1);
}

/* 7.1: a hexadecimal number, perhaps with extensions. */
static void take_chunk_size(struct reply *r)
{
	const char *s = r->line;
	uint64_t n = 0;

	for (; isxdigit((unsigned char)*s); s++) {
		int digit = isdigit((unsigned char)*s) ? *s - '0' : tolower(*s) - 'a' + 10;

		if (n > REPLY_LENGTH_MAX / 16) {
			bad(r, "a chunk's size is beyond all bounds");
			return;
		}
		n = n * 16 + digit;
	}
	if (s == r->line || (*s && *s != ';' && *s != ' ' && *s != '\t')) {
		bad(r, "a chunk's size is no hexadecimal number");
		return;
	}
	r->left = n;
	r->state = n ? REPLY_CHUNK_DATA : REPLY_TRAILER;
}

static void take_line(struct reply *r)
{
	switch (r->state) {
	case REPLY_STATUS_LINE:
		take_status_line(r);
		break;
	case REPLY_HEADERS:
		take_header(r);
		break;
	case REPLY_CHUNK_SIZE:
		take_chunk_size(r);
		break;
	case REPLY_CHUNK_END:
		if (r->line_len)
			bad(r, "a chunk is longer than its size says");
		else
			r->state = REPLY_CHUNK_SIZE;
		break;
	default: /* REPLY_TRAILER: nothing in it concerns us */
		if (r->line_len == 0)
			r->state = REPLY_DONE;
		break;
	}
}

/* Gather a line; take it once it is whole. */
static size_t feed_line(struct reply *r, const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	size_t n = end ? (size_t)(end - data) : len;

	if (n >= sizeof(r->line) - r->line_len) {
		bad(r, "a line of its head is too long");
		return 0;
	}
	if (memchr(data, '\0', n)) {
		bad(r, "there is a zero byte in its head");
		return 0;
	}
	if (r->state != REPLY_CHUNK_SIZE && r->state != REPLY_CHUNK_END) {
		r->head_bytes += n + 1;
		if (r->head_bytes > REPLY_HEAD_MAX) {
			bad(r, "its head is too long");
			return 0;
		}
	}
	memcpy(r->line + r->line_len, data, n);
	r->line_len += n;
	if (!end)
		return n;
	if (r->line_len && r->line[r->line_len - 1] == '\r')
		r->line_len--;
	r->line[r->line_len] = '\0';
	take_line(r);
	r->line_len = 0;
	return n + 1;
}

static size_t feed_body(struct reply *r, const char *data, size_t len)
{
	if (r->state != REPLY_BODY_CLOSE && len > r->left)
		len = r->left;
	if (r->body)
		r->body(r->body_ctx, data, len);
	r->body_bytes += len;
	if (r->state == REPLY_BODY_CLOSE)
		return len;
	r->left -= len;
	if (r->left == 0)
		r->state = r->state == REPLY_BODY_LENGTH ? REPLY_DONE : REPLY_CHUNK_END;
	return len;
}

size_t reply_feed(struct reply *r, const char *data, size_t len)
{
	size_t used = 0;

	while (used < len && r->state != REPLY_DONE && r->state != REPLY_BAD) {
		if (r->state == REPLY_BODY_LENGTH || r->state == REPLY_BODY_CLOSE ||
		    r->state == REPLY_CHUNK_DATA)
			used += feed_body(r, data + used, len - used);
		else
			used += feed_line(r, data + used, len - used);
	}
	return used;
}

bool reply_end(struct reply *r)
{
	if (r->state == REPLY_BODY_CLOSE)
		r->state = REPLY_DONE;
	else if (r->state != REPLY_DONE && r->state != REPLY_BAD)
		bad(r, "the connection ended in the middle of it");
	return r->state == REPLY_DONE;
}
