/*
 * How much a device may carry: bytes and operations a second, either way, by token buckets
 * (bucket.h). A queue that has run out of tokens is told to wait, and called again at exactly
 * the moment at which its next piece of work is affordable.
 *
 * What waits, waits where it would if the device were slow: frames for the guest in the tap,
 * whose queue drops what is too much; frames and requests of the guest's in its rings.
 *
 * A burst is what may be saved up, in milliseconds of the rate: LIMIT_BURST_MS unless told
 * otherwise. So over any second no more than 1.05 times the rate passes, and one piece of work:
 * rates in bytes that are not far more than the largest piece (a frame with segmentation
 * offload, 64 KiB; a disk's request) come in lumps of that size.
 *
 * Without any limit, it costs a relaxed load for each piece of work.
 *
 * Threading: any thread may ask, charge and set; resume() is called on the loop's.
 */
#ifndef STRATA_VMM_LIMIT_H
#define STRATA_VMM_LIMIT_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/bucket.h"
#include "vmm/device.h"
#include "vmm/loop.h"

#define LIMIT_BURST_MS     50
#define LIMIT_BURST_MS_MAX 10000

enum limit_way { LIMIT_IN, LIMIT_OUT, LIMIT_WAYS }; /* as the guest sees it: received, read */
enum limit_of { LIMIT_BYTES, LIMIT_OPS, LIMIT_OFS };

/* Rows for the table of arguments of a network card, and of a disk; the same names are in the
 * status, and what "limit" of the control socket takes. */
#define LIMIT_BURST_ARGUMENT                                                        \
	{                                                                           \
		"burst-ms", "N", false, "how much of its rates it may save up (50)" \
	}
#define NET_LIMIT_ARGUMENTS                                                         \
	{"rx-bytes", "SIZE", false, "at most so many bytes a second to the guest"}, \
		{"rx-packets", "N", false, "... and frames"},                       \
		{"tx-bytes", "SIZE", false, "... and bytes from it"},               \
		{"tx-packets", "N", false, "... and frames"}, LIMIT_BURST_ARGUMENT
#define DISK_LIMIT_ARGUMENTS                                                             \
	{"read-bytes", "SIZE", false, "at most so many bytes read a second"},            \
		{"read-ops", "N", false, "... and requests"},                            \
		{"write-bytes", "SIZE", false, "... and bytes written"},                 \
		{"write-ops", "N", false, "... and requests, flushes and discards too"}, \
		LIMIT_BURST_ARGUMENT

struct limit_names {
	const char *rate[LIMIT_WAYS][LIMIT_OFS];
	const char *way[LIMIT_WAYS];
};

extern const struct limit_names net_limits, disk_limits;

struct limit_side {
	struct limits *limits;
	struct bucket bucket[LIMIT_OFS];
	struct loop_source timer; /* fd -1: never had a limit */
	uint64_t due;             /* when it goes off; 0: it is not set */
	uint64_t since;           /* when waiting began; 0: nobody waits */

	/* counters */
	uint64_t waits, waited_ns;
};

struct limits {
	const struct limit_names *names;
	struct loop *loop;
	/* Go on with what had to wait; what is still not affordable will be told to. */
	void (*resume)(void *owner, enum limit_way way);
	/* That way was held up from then to then, as the one finds out who goes on; may be
	 * NULL. */
	void (*waited)(void *owner, enum limit_way way, uint64_t from_ns, uint64_t to_ns);
	void *owner;

	_Atomic bool any;     /* some rate is set */
	pthread_mutex_t lock; /* of what follows */
	uint64_t burst_ms;
	struct limit_side side[LIMIT_WAYS];
};

/* l->waited may be set afterwards. */
void limits_init(struct limits *l, const struct limit_names *names, struct loop *loop,
		 void (*resume)(void *owner, enum limit_way way), void *owner);
void limits_destroy(struct limits *l); /* also of one that is all zeroes */

/* The settings that the device's option has. -1 with a sentence. */
int limits_arguments(struct limits *l, const struct arguments *a);

/* One of the rates by its name, 0: no limit; or "burst-ms". -1 with a sentence. */
int limits_set(struct limits *l, const char *name, uint64_t value);

/* Must a piece of work of so many bytes wait? (1 if that is not known yet.) If so, resume() is
 * called when it need not any more. */
bool limits_wait(struct limits *l, enum limit_way way, uint64_t bytes);

/* It was done, or cannot be put off. */
void limits_charge(struct limits *l, enum limit_way way, uint64_t bytes);

/* "limits": the rates, "burst-ms", and for each way "waits": how often work had to wait, and
 * "waited_ns": for how long there was none that could be done. */
void limits_status(struct limits *l, json_t *into);

/* Does a device's option ask for any? For those that have none: the first of them, or NULL. */
const char *limits_named_in(const char *option);

#endif
