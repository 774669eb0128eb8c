/*
 * One system while it is measured: a machine, started by its monitor and timed on its way until
 * nginx listens; or the same servers as processes on this kernel.
 *
 * Threading: one thread; the system ends with it.
 */
#ifndef STRATA_BENCH_PEERS_GUEST_H
#define STRATA_BENCH_PEERS_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bench/peers/monitor.h"
#include "bench/peers/spare.h"

#define CLIENT_ADDRESS "10.77.0.1"
#define GUEST_ADDRESS  "10.77.0.2" /* of the first; further ones count on */
#define GUESTS_MAX     100

/* Where machines live: a namespace with a bridge, a folder in memory, a disk in it. */
struct site {
	char folder[256];
	int netns;
	uint64_t disk_bytes;       /* of a machine's disk */
	bool root_ready;           /* nginx of the guest's image can run on this kernel */
	struct spare spare;        /* what may be passed through */
	const volatile bool *stop; /* gives up waiting for a machine */
};

struct guest {
	const struct monitor *monitor; /* NULL: processes on this kernel */
	const struct monitor_mode *mode;
	struct site *site;
	unsigned int number; /* of those that run at the same time */
	char address[16], log[300];
	struct plan plan;
	pid_t pid;              /* of the monitor, or nginx */
	pid_t iperf;            /* its server on this kernel; 0 none */
	bool contained;         /* ... is in namespaces of its own */
	int server_ns;          /* where nginx is, on this kernel; -1 */
	int64_t start_ns;       /* CLOCK_MONOTONIC, just before its process was made */
	int64_t first_entry_ns; /* after start: the first entry into guest mode; -1 not seen */
	int64_t init_ns;        /* ... the guest's first process said so */
	int64_t ready_ns;       /* ... nginx listens */
	int64_t answered_ns;    /* ... it answered its first request; -1 there is no network */
};

/* Make namespace, folder and disk; they vanish with the process. spare stays as it is. -1 with
 * a sentence. */
int site_open(struct site *s, const char *folder, uint64_t disk_bytes);
void site_close(struct site *s);

/* Start the machine and wait until its nginx listens, and answers if it has a network card.
 * number: 0, or which one it is of several that are alike and run at the same time. -1 with a
 * sentence that ends with what its console said last; it is not left running. */
int guest_start(struct guest *g, struct site *s, const struct monitor *m,
		const struct monitor_mode *mode, unsigned int number);

/* Its steps: what it is made of; its network card and disk on this host, and their end. -1 with
 * a sentence. */
int guest_plan(struct guest *g);
int guest_make_devices(struct guest *g);
void guest_remove_devices(const struct guest *g);

/* The last that its console and its monitor said: why a measurement failed may be there. */
void guest_last_words(const struct guest *g, FILE *out);

/* The same servers on this kernel: in a namespace one veth pair from the client, or as a
 * container behind the bridge. -1 with a sentence; nothing is left running. */
int guest_start_host(struct guest *g, struct site *s, bool container);

/* End either; the error text stays what it is. */
void guest_stop(struct guest *g);

#endif
