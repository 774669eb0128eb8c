/* One connection to the server, and one timed request on it. Blocking; used by one thread. */
#ifndef STRATA_BENCH_LOAD_CONNECTION_H
#define STRATA_BENCH_LOAD_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/load/options.h"

enum failure {
	FAILURE_NONE,
	FAILURE_CONNECT, /* no connection */
	FAILURE_TIMEOUT, /* no (whole) reply in time */
	FAILURE_RESET,   /* the connection ended or broke before the reply was whole */
	FAILURE_REPLY,   /* what came is no HTTP reply */
	FAILURE_STATUS,  /* not 200 */
	FAILURE_CONTENT, /* not the expected bytes */
	FAILURE_STOPPED, /* interrupted: not an error */
	FAILURE_COUNT,
};

const char *failure_name(enum failure f);

/* One request as the client saw it; times in CLOCK_MONOTONIC. start_ns is 0 if never sent. */
struct sample {
	uint64_t intended_ns; /* when it should have been sent; 0 without --rate */
	uint64_t start_ns;    /* just before the write() */
	uint64_t end_ns;      /* just after the read() of the last byte; 0 if that never came */
	uint64_t connect_ns;  /* what its connect() took; 0 if the connection was there */
	uint64_t bytes;       /* of body */
	uint32_t empty_ns;    /* an empty measurement, made just afterwards */
	uint32_t index_on_connection;
	uint16_t client_port;
	uint16_t status;
	uint8_t failure;
};

struct connection {
	int fd; /* -1: closed */
	uint16_t port;
	uint32_t requests; /* sent on it */
	uint64_t connect_ns;
};

/* Connect, giving up after timeout_s. FAILURE_NONE, or the failure with a sentence; a set *stop
 * ends it when a signal comes. */
enum failure connection_open(struct connection *c, const struct load_options *o,
			     double timeout_s, const atomic_bool *stop);

void connection_close(struct connection *c);

struct body; /* what is kept of a reply's body */

struct body *body_create(void);
void body_destroy(struct body *b);

/* Send one request and read its reply. Fills s; leaves the connection open only if it can carry
 * another request. */
enum failure connection_request(struct connection *c, const struct load_options *o,
				const char *request, size_t len, struct body *body,
				struct sample *s, const atomic_bool *stop);

/*
 * What the measurement itself takes: the same calls, on a local connection whose other end has
 * already answered. A time measured from outside, by the kernel say, can agree with ours to
 * within this and no better: the calls' own way into the kernel and out of it are in ours.
 */
uint32_t empty_measurement_ns(void);

#endif
