/*
 * The laboratory of one demonstration: a client and a server on two ends of a real path,
 * in network and mount namespaces that vanish with this process.
 *
 *   client namespace            host namespace                     server
 *   client0  ===wire===  uplink0 -- br0 -- port0 (tap or veth) --  the VM's or the container's
 * eth0
 *
 * The wire is a pair of network cards where the machine has one to spare (the testbed's
 * wire0 and wire1), else a veth pair. A bare server uses uplink0 itself.
 */
#ifndef STRATA_SCENARIOS_DEMO_LAB_H
#define STRATA_SCENARIOS_DEMO_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/hop.h"
#include "tracer/topology.h"

#define LAB_SERVER_ADDRESS "10.77.0.2"
#define LAB_CLIENT_ADDRESS "10.77.0.100"
#define LAB_PORT           80

struct lab {
	enum strata_place place;
	int cpus; /* of the VM */
	int host_ns;
	int client_ns;
	int server_ns;    /* container: its own; bare: host_ns; VM: -1 */
	bool real_wire;   /* network cards, not a veth pair */
	pid_t server;     /* strata-vmm or nginx */
	char folder[256]; /* private to this process: sockets, rings */
	char control[300];
	char log[300]; /* what the server process prints: the VM's console, nginx' errors */
	char nginx[PATH_MAX]; /* binary, for uprobes, if nginx runs on this kernel */
};

/* Build the network and start the server. folder is an existing folder for logs and mount
 * point. -1 with a sentence. */
int lab_start(struct lab *lab, enum strata_place place, int cpus, const char *folder);

/* Wait until the server answers, while it lives. -1 with a sentence that quotes its log if it
 * does not. */
int lab_await(struct lab *lab, int timeout_ms);

/* The topology to trace. */
int lab_topology(const struct lab *lab, struct topology *t);

/* Shut the server down in order, close the namespaces. */
void lab_stop(struct lab *lab);

#endif
