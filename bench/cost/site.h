/*
 * Where the tracer's cost is measured: on this kernel, nothing emulated, three network
 * namespaces without a name.
 *
 *   client: c0 10.77.0.1 <-> uplink0, br0, port0 :host <-> srv0 10.77.0.2, nginx :server
 *
 * nginx has one worker and a reply of three bytes: the worst case for whoever looks at every
 * packet. All of it ends with the process. Threading: one thread.
 */
#ifndef STRATA_BENCH_COST_SITE_H
#define STRATA_BENCH_COST_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SITE_URL "http://10.77.0.2/"

struct site {
	char folder[256]; /* in memory: what observers write goes there */
	int client, host, server;
	pid_t nginx;
	const volatile bool *stop;
};

/* Namespaces and folder. -1 with a sentence. */
int site_open(struct site *s, const char *folder);
void site_close(struct site *s);

/* Start nginx from the guest's image and wait until it listens. -1 with a sentence. */
int site_serve(struct site *s);

#endif
