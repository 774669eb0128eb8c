/*
 * A recording that nobody had to record: requests as they would look to all observers, from a
 * seed. It makes the join, the figures and every view testable without a kernel, root or a VM,
 * and it knows the truth: when each request was at each hop.
 */
#ifndef STRATA_TRACER_SYNTHETIC_H
#define STRATA_TRACER_SYNTHETIC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hop.h"
#include "lib/recording.h"

struct synthetic_options {
	uint64_t seed;
	enum strata_place place;
	unsigned int requests;
	unsigned int connections;    /* at a time; 0: 1 */
	unsigned int per_connection; /* requests before a connection is replaced; 0: all */
	unsigned int pipeline;       /* requests sent at once; 0: 1 */
	unsigned int reply_bytes;    /* of the body */
	unsigned int segment_bytes;  /* per packet where nothing merges them; 0: 1448 */
	bool merge; /* receivers merge segments (GRO), senders cut late (TSO) */
	bool chunked;
	bool ipv6;
	bool remote_client;               /* on another machine: none of its hops */
	bool wrap;                        /* sequence numbers pass 2^32 on the way */
	unsigned int lose_permille;       /* events */
	unsigned int retransmit_permille; /* requests that the wire loses once */
	unsigned int duplicate_permille;  /* requests that are sent twice without need */
	unsigned int poll_permille;       /* requests that need no interrupt and no doorbell */
	int64_t guest_offset_ns;          /* guest's clock beside the host's */
	double guest_drift;               /* and its speed: 1e-5 is 10 ppm */
	int64_t misalign_ns;              /* a lie about the TSC offset: causality breaks */
	enum strata_hop delay_hop;        /* takes delay_ns more */
	uint64_t delay_ns;
	unsigned int delay_permille; /* of requests; 0: all of them */
	/* Meanwhile a task is off the CPU and told of, as lib/offcpu.h says; if runnable, "hog"
	 * has the CPU, or its quota is used up. */
	bool delay_told, delay_throttled;
	uint16_t delay_off; /* OFF_* */
	bool vitals;        /* its VM is looked at: lib/vital.h */
};

/* When a request was where, on the host's line; 0 where it was not. */
struct synthetic_truth {
	uint64_t flow;
	uint32_t request_seq, request_end, reply_end;
	uint64_t time_ns[HOP_COUNT];
};

typedef void (*synthetic_truth_fn)(void *ctx, const struct synthetic_truth *t);

/* Write META, events, wire records and clocks into w; the caller closes it. truth may be NULL.
 */
int synthetic_write(struct recording_writer *w, const struct synthetic_options *o,
		    synthetic_truth_fn truth, void *ctx);

/* The same, from path to closed file. */
int synthetic_create(const char *path, const struct synthetic_options *o,
		     synthetic_truth_fn truth, void *ctx);

#endif
