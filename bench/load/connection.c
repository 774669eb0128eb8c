/* One connection, one timed request: see connection.h. */
#include "bench/load/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "bench/load/reply.h"
#include "lib/err.h"
#include "lib/now.h"

#define READ_BYTES (64 * 1024)
#define BODY_MAX   ((size_t)256 << 20)

const char *failure_name(enum failure f)
{
	static const char *const names[FAILURE_COUNT] = {
		[FAILURE_NONE] = "none",       [FAILURE_CONNECT] = "connect",
		[FAILURE_TIMEOUT] = "timeout", [FAILURE_RESET] = "reset",
		[FAILURE_REPLY] = "reply",     [FAILURE_STATUS] = "status",
		[FAILURE_CONTENT] = "content", [FAILURE_STOPPED] = "stopped",
	};

	return names[f];
}

/* Kept aside until the clock has stopped: hashing must not be part of what is measured. */
struct body {
	char *data;
	size_t len, room;
	bool too_large;
	struct reply reply;
	char buffer[READ_BYTES];
};

struct body *body_create(void)
{
	return calloc(1, sizeof(struct body));
}

void body_destroy(struct body *b)
{
	if (b)
		free(b->data);
	free(b);
}

static void body_append(void *ctx, const char *data, size_t len)
{
	struct body *b = ctx;

	if (b->len + len > BODY_MAX) {
		b->too_large = true;
		return;
	}
	if (b->len + len > b->room) {
		size_t room = 2 * (b->len + len);
		char *more = realloc(b->data, room);

		if (!more) {
			b->too_large = true;
			return;
		}
		b->data = more;
		b->room = room;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

/* A thread's two ends of a local connection on which replies wait before they are asked for. */
static bool local_ends(int ends[2])
{
	static _Thread_local int pair[2] = {-1, -1};

	if (pair[0] < 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return false;
	memcpy(ends, pair, sizeof(pair));
	return true;
}

uint32_t empty_measurement_ns(void)
{
	static const char request[64];
	char reply[sizeof(request)];
	uint64_t start, end;
	ssize_t sent, got;
	int ends[2];

	if (!local_ends(ends) || write(ends[1], request, sizeof(request)) < 0)
		return 0;
	start = now_ns();
	sent = write(ends[0], request, sizeof(request));
	got = read(ends[0], reply, sizeof(reply));
	end = now_ns();
	if (read(ends[1], reply, sizeof(reply)) < 0)
		return 0;
	return sent > 0 && got > 0 ? (uint32_t)(end - start) : 0;
}

static struct timeval timeval_of(double s)
{
	struct timeval t = {.tv_sec = s};

	t.tv_usec = (s - t.tv_sec) * 1e6;
	if (t.tv_sec == 0 && t.tv_usec == 0)
		t.tv_usec = 1; /* zero would mean for ever */
	return t;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

static enum failure connect_failed(const struct load_options *o, double timeout_s,
				   const atomic_bool *stop)
{
	if (errno == EINTR && atomic_load(stop)) {
		err_set("interrupted");
		return FAILURE_STOPPED;
	}
	/* connect() with SO_SNDTIMEO ends so */
	if (errno == EINPROGRESS || errno == EAGAIN || errno == EALREADY)
		err_set("connecting to %s: no answer within %g s: is the address right, and "
			"the "
			"server's network up? (--wait S waits for it)",
			o->host, timeout_s);
	else
		err_set("connecting to %s: %s: is the server running? (--wait S waits for it)",
			o->host, strerror(errno));
	return FAILURE_CONNECT;
}

enum failure connection_open(struct connection *c, const struct load_options *o,
			     double timeout_s, const atomic_bool *stop)
{
	struct timeval limit = timeval_of(timeout_s);
	enum failure failure = FAILURE_NONE;
	uint64_t start;
	int one = 1;

	c->requests = 0;
	c->fd = socket(o->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		err_errno("making a socket");
		return FAILURE_CONNECT;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	limit = timeval_of(o->timeout_s);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	start = now_ns();
	if (connect(c->fd, (const struct sockaddr *)&o->address, o->address_len) < 0) {
		failure = connect_failed(o, timeout_s, stop);
		connection_close(c);
		return failure;
	}
	c->connect_ns = now_ns() - start;
	c->port = own_port(c->fd);
	return FAILURE_NONE;
}

void connection_close(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* A read() or write() failed, or the connection ended. */
static enum failure broken(const struct load_options *o, const char *doing, bool ended,
			   const atomic_bool *stop)
{
	if (!ended && errno == EINTR && atomic_load(stop)) {
		err_set("interrupted");
		return FAILURE_STOPPED;
	}
	if (!ended && (errno == EAGAIN || errno == ETIMEDOUT)) {
		err_set("no whole reply from %s within %g s (--timeout S waits longer)",
			o->host, o->timeout_s);
		return FAILURE_TIMEOUT;
	}
	if (ended)
		err_set("%s closed the connection before its reply was whole", o->host);
	else
		err_errno("%s %s", doing, o->host);
	return FAILURE_RESET;
}

/* Read until the reply is whole; s->end_ns is when its last byte had been read. */
static enum failure read_reply(struct connection *c, const struct load_options *o,
			       struct body *b, struct sample *s, const atomic_bool *stop)
{
	uint64_t limit = s->start_ns + o->timeout_s * 1e9, last = 0;

	while (b->reply.state != REPLY_DONE && b->reply.state != REPLY_BAD) {
		ssize_t n = read(c->fd, b->buffer, sizeof(b->buffer));
		uint64_t now = now_ns();

		if (n < 0 && errno == EINTR && !atomic_load(stop))
			continue;
		if (n == 0 && reply_end(&b->reply))
			break;
		if (n <= 0)
			return broken(o, "reading from", n == 0, stop);
		last = now;
		if (reply_feed(&b->reply, b->buffer, n) < (size_t)n &&
		    b->reply.state == REPLY_DONE) {
			b->reply.state = REPLY_BAD;
			b->reply.bad = "more came than the reply that was asked for";
		}
		if (now > limit && b->reply.state != REPLY_DONE) {
			errno = EAGAIN;
			return broken(o, "reading from", false, stop);
		}
	}
	if (b->reply.state == REPLY_BAD) {
		err_set("%s sent a bad reply: %s", o->host, b->reply.bad);
		return FAILURE_REPLY;
	}
	s->end_ns = last;
	return FAILURE_NONE;
}

static enum failure check_reply(const struct load_options *o, const struct body *b)
{
	uint8_t hash[SHA256_BYTES];

	if (b->reply.status != 200) {
		err_set("%s answered %s with status %u", o->host, o->path, b->reply.status);
		return FAILURE_STATUS;
	}
	if (o->check_bytes && b->reply.body_bytes != o->expect_bytes) {
		err_set("%s sent %llu bytes for %s, not the expected %llu", o->host,
			(unsigned long long)b->reply.body_bytes, o->path,
			(unsigned long long)o->expect_bytes);
		return FAILURE_CONTENT;
	}
	if (!o->check_sha256)
		return FAILURE_NONE;
	if (b->too_large) {
		err_set("the reply is too large to be checked by --expect-sha256");
		return FAILURE_CONTENT;
	}
	SHA256((const unsigned char *)b->data, b->len, hash);
	if (memcmp(hash, o->expect_sha256, sizeof(hash)) != 0) {
		err_set("%s sent other bytes for %s than --expect-sha256 says", o->host,
			o->path);
		return FAILURE_CONTENT;
	}
	return FAILURE_NONE;
}

enum failure connection_request(struct connection *c, const struct load_options *o,
				const char *request, size_t len, struct body *b,
				struct sample *s, const atomic_bool *stop)
{
	enum failure failure;
	ssize_t n;

	b->len = 0;
	b->too_large = false;
	reply_init(&b->reply, o->check_sha256 ? body_append : NULL, b);
	s->client_port = c->port;
	s->index_on_connection = c->requests;
	s->connect_ns = c->requests ? 0 : c->connect_ns;
	c->requests++;

	s->start_ns = now_ns();
	n = write(c->fd, request, len);
	if (n == (ssize_t)len)
		failure = read_reply(c, o, b, s, stop);
	else
		failure = broken(o, "writing to", false, stop);
	s->empty_ns = empty_measurement_ns();

	if (failure == FAILURE_NONE)
		failure = check_reply(o, b);
	s->status = b->reply.status;
	s->bytes = b->reply.body_bytes;
	s->failure = failure;
	if (b->reply.state != REPLY_DONE || !b->reply.keep_alive)
		connection_close(c);
	return failure;
}
