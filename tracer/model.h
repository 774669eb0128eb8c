/*
 * The model: what a trace found out, free of where it came from and of how it is shown. Readers
 * fill it (tracer/analyse.h); the table, the JSON, the TUI and the report are pure views over
 * it.
 */
#ifndef STRATA_TRACER_MODEL_H
#define STRATA_TRACER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/exits.h"
#include "lib/hop.h"
#include "lib/quantile.h"
#include "lib/recording.h"
#include "tracer/cause.h"
#include "tracer/filter.h"
#include "tracer/http.h"
#include "tracer/messages.h"
#include "tracer/vm_vitals.h"

enum hop_seen_flags {
	HOP_SEEN = 1 << 0,
	HOP_INFERRED = 1 << 1, /* a neighbouring probe marked it */
	HOP_CLAMPED = 1 << 2,  /* moved to its predecessor's time, within the clocks' error */
	HOP_LEFT_OUT = 1 << 3, /* before its cause, beyond the clocks' error: not believed */
};

struct hop_seen {
	uint64_t time_ns; /* on the host's line */
	uint64_t
		outside_ns; /* a guest's hop: until the next, the vCPU was outside guest mode */
	uint64_t again_ns;  /* its bytes came by once more, the last time before they were seen
			       any further: they had been lost; 0: no */
	uint32_t tid;
	uint32_t seq, len; /* of its TCP payload; as event_flags say, not known of some. Of
			      kvm.irq: the message's data, the low half of its address */
	uint16_t cpu;
	uint16_t queue;
	uint8_t domain;
	uint8_t flags;       /* enum hop_seen_flags; 0: not seen */
	uint8_t event_flags; /* enum event_flags */
};

/* A packet that a kernel dropped; why and where is numbered as that kernel does. */
struct drop {
	uint64_t time_ns;
	uint32_t seq, len;
	uint32_t reason;
	uint32_t place; /* the low half of the code's address */
	uint8_t direction, domain;
};

#define REQUEST_DROPS_MAX 4

struct request {
	uint64_t number; /* from 1, in the order in which they were found */
	struct http_request http;
	struct hop_seen hops[HOP_COUNT];
	uint8_t vm;           /* that serves it; 0 none */
	uint8_t client_vm;    /* that asked; 0 none, or one that is not traced */
	uint64_t parent_flow; /* of the request that it was made for; 0 none that is known */
	uint32_t parent_seq;  /* ... a byte of it, or the one behind its last */
	uint8_t first;        /* enum strata_hop that it is measured from, if measured */
	bool complete;        /* every hop that is needed here was seen */
	bool measured;        /* both ends were seen: the figures below hold */
	uint32_t retransmits; /* packets of its last bytes seen once more */
	uint32_t dropped;     /* packets with bytes of its: */
	struct drop drops[REQUEST_DROPS_MAX]; /* ... the first ones, in order */
	uint32_t violations; /* pairs of hops in the wrong order, beyond the clocks' error */
	uint64_t end_to_end_ns;
	uint64_t layer_ns[LAYER_COUNT][DIRECTION_COUNT];
	uint64_t unattributed_ns[DIRECTION_COUNT];
	uint64_t outside_ns[DIRECTION_COUNT]; /* of the guest's time; counted as the
						 hypervisor's */
	/* While it was in the VM, if counted. */
	bool counted;
	uint16_t exits[EXIT_KINDS];
	uint32_t interrupts;
	struct request_causes causes; /* if measured, of what is neither unattributed nor
					 unexplained */
};

/* One rung of a request's ladder: a hop and the time until the next. */
struct rung {
	enum strata_hop hop;
	uint64_t time_ns; /* since the request's start */
	uint64_t took_ns;
	uint64_t outside_ns; /* of took_ns: the vCPU was outside guest mode */
	bool unattributed;   /* a hop of another layer is missing before the next one */
};

struct model_domain {
	char name[48];
	uint8_t vm;
	bool aligned;      /* its times could be brought onto the host's line */
	uint64_t error_ns; /* bound of what that may be off */
	uint64_t events;
	/* Causality's own bound: the shortest time seen from a hop in another domain to one in
	 * this, and from one in this to one elsewhere. Were this clock off by more, effects
	 * would come before their causes. INT64_MAX: no such pair was seen. */
	int64_t shortest_in_ns, shortest_out_ns;
};

struct model_hop {
	bool here;      /* this placement and topology have it */
	bool in_force;  /* and a probe that can mark it is in force */
	bool inferred;  /* though only a neighbouring one */
	bool needed;    /* a request is partial without it */
	bool expected;  /* its absence between two seen hops leaves their time unattributed */
	uint8_t domain; /* that last marked it */
	uint64_t events;
	uint64_t missing;     /* requests that needed it and did not have it */
	uint64_t count;       /* measured requests in which it was seen */
	struct quantile took; /* time until the next hop that was seen */
};

struct model_layer {
	struct quantile took; /* per measured request: the sum of its hops in that direction */
};

/* Exits for one kind of reason. */
struct model_exits {
	struct quantile per_request;
	uint64_t seen;        /* in the whole recording */
	const char *names[4]; /* what KVM calls it here; NULL: no more */
};

/* One cause, at one hop. */
struct model_cause {
	uint64_t requests; /* measured ones that had it */
	uint64_t sum_ns, max_ns;
};

/* All packets that one kernel dropped for one reason at one place. */
struct model_drop {
	struct drop what; /* the first one */
	uint64_t packets;
};

#define MODEL_DROPS_MAX 64

struct model_thread {
	uint32_t tid;
	uint8_t domain;
};

#define MODEL_KSOFTIRQD_MAX 512

struct model {
	char mode[32], switch_kind[32];
	enum strata_place place;
	enum protocol protocol; /* in which requests are looked for */
	bool plaintext; /* what nginx reads and writes by way of TLS is in the recording */
	bool testbed;
	unsigned int sample; /* one connection in so many was traced; 0: all were */
	bool client_here;    /* the client's own kernel was observed */
	/* End to end is measured from and to these; from an earlier one, back to earliest, for
	 * requests that have it. */
	enum strata_hop earliest, first, last;
	json_t *meta; /* all META, merged */

	struct model_domain domains[CLOCK_DOMAINS_MAX];
	unsigned int domain_count;
	struct model_hop hops[HOP_COUNT];
	struct model_layer layers[LAYER_COUNT][DIRECTION_COUNT];
	struct quantile end_to_end, unattributed;
	struct quantile outside[DIRECTION_COUNT];
	struct model_exits exits[EXIT_KINDS];
	struct quantile exits_per_request, interrupts_per_request;
	struct vm_vitals vitals;
	struct messages messages;
	bool causes_told; /* whoever recorded it followed the tasks: lib/offcpu.h */
	struct model_cause causes[HOP_COUNT][CAUSE_COUNT];
	struct actors actors;
	struct model_thread ksoftirqd[MODEL_KSOFTIRQD_MAX];
	size_t ksoftirqd_count;

	const struct filter *filter; /* borrowed; NULL: all requests are wanted */
	uint64_t filtered;           /* requests that are not, and are counted nowhere else */

	uint64_t seen, complete, partial, measured, unanswered;
	uint64_t retransmits;
	struct model_drop drops[MODEL_DROPS_MAX];
	size_t drop_count;
	uint64_t dropped; /* packets, those beyond MODEL_DROPS_MAX kinds included */
	uint64_t events, events_unaligned, events_rejected;
	uint64_t lost[LOST_STAGES];
	uint64_t forgotten;                   /* events dropped to bound memory */
	uint64_t pairs_checked, pairs_across; /* causes and effects; in two clock domains */
	uint64_t violations, violations_after[HOP_COUNT]; /* by the hop that came too early */
	uint64_t clamped_max_ns; /* largest reversal within the clocks' error */
	struct http_stats http;
	struct recording_end recording;

	/* Requests to look at, in order of their replies. If there were too many: a fair
	 * sample, or the latest (in a ring, number N at N - 1 modulo the capacity). */
	struct request *requests;
	size_t request_count, request_capacity;
	bool latest;
	uint64_t sample_state;

	/* Called with each request when it has been judged, whether it is kept or not; may be
	 * NULL. What it returns but 0 ends the analysis. */
	int (*on_request)(void *ctx, const struct model *m, const struct request *r);
	void *on_request_ctx;
};

struct model *model_create(size_t requests_max);
void model_free(struct model *m);

/* Take over what META says, and what follows for each hop. -1 with a sentence if it cannot be
 * right. Call after hops[].events are counted. */
int model_take_meta(struct model *m, const json_t *meta);
int model_conclude(struct model *m);

/* Whom an event CONTEXT_TASK_OFF names as rival, with what META says of it: an index into
 * actors. */
uint16_t model_learn_actor(struct model *m, const struct strata_event *e);

/* A vCPU left guest mode for that reason (lib/exits.h). */
void model_take_exit(struct model *m, uint32_t reason);

/* A finished request: judge it (tracer/attribution.h), count it, keep it or not. */
int model_add(struct model *m, struct request *r);

/* Is that thread of that clock domain a ksoftirqd? */
bool model_is_ksoftirqd(const struct model *m, uint8_t domain, uint32_t tid);

/* Nothing but frames was looked at (tracer/capture.h). */
bool model_is_capture(const struct model *m);

/* Nobody looked into that VM: its guest is one layer. */
bool model_is_dark(const struct model *m, uint8_t vm);

/* Could that hop have been seen for that request, where its probe is in force? */
bool model_covers(const struct model *m, const struct request *r, int hop);

/* "web"; NULL: there is no such VM */
const char *model_vm_name(const struct model *m, uint8_t vm);

uint64_t model_lost(const struct model *m);

#endif
