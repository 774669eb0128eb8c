/*
 * The laboratory: a client and servers on two ends of a real path, in network and mount
 * namespaces that vanish with this process.
 *
 *   client namespace          host namespace                        server
 *   client0  ===wire===  uplink0 -- br0 -- port0 (tap or veth) --  eth0 of a VM or a container
 *               |                   br0 -- port1               --  of another
 *               +== spare0, a card that is passed through      --  of a VM
 *
 * The site is what all servers share: namespaces, wire, bridge. Of several servers one at a
 * time is on the wire, lab_select(), unless the site has them all together. A bare server uses
 * uplink0 itself, without the bridge; while the server with the spare card is on the wire,
 * uplink0 is unplugged, so that the host does not handle that one's frames as well.
 *
 * The wire is real network cards where the machine has some to spare, else a veth pair.
 *
 * Threading: all from one thread, which lives as long as the laboratory: see lib/proc.h.
 */
#ifndef STRATA_SCENARIOS_LAB_LAB_H
#define STRATA_SCENARIOS_LAB_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/hop.h"
#include "lib/lent.h"
#include "tracer/topology.h"

#define LAB_CLIENT_ADDRESS "10.77.0.100"
#define LAB_PORT           80

/* Cards that are on one cable. */
struct lab_wire {
	char client[16]; /* "" all: there are none */
	char uplink[16];
	char spare[16]; /* to pass through; "": the uplink itself, and then no other server */
};

/* "CLIENT,UPLINK" or "CLIENT,UPLINK,SPARE": those cards, if they are there and this host does
 * not use them itself. text NULL: the testbed's, or none. -1 with a sentence. */
int lab_wire_parse(struct lab_wire *w, const char *text);

struct lab;

struct lab_site {
	struct lab_wire wire;
	/* The wire's ends: client0 and uplink0, or the cards under the names they have, for
	 * they go back to where they came from without us. */
	char client[16], uplink[16];
	int host_ns;
	int client_ns;
	char folder[256]; /* logs are put there */
	char run[300];    /* private to this process: sockets, rings */
	bool has_client, has_uplink, has_bridge;
	bool root_ready; /* the guest image's root can run nginx here */
	bool ovs;        /* the bridge is Open vSwitch's, not Linux' */
	bool together;   /* all servers are on the wire at once; to be set before the first */
	pid_t ovs_database, ovs_switch;
	unsigned int servers;        /* started so far: number the next */
	const struct lab *connected; /* that is on the wire */
};

/* Make namespaces and wire. folder is made if it is not there; ovs: with Open vSwitch for a
 * bridge. -1 with a sentence; close it in any case. */
int lab_open(struct lab_site *site, const struct lab_wire *wire, const char *folder, bool ovs);

void lab_close(struct lab_site *site);

/* As a row of a command line's options takes them (lib/options.h): a mode's name, for an enum
 * strata_place; "bridge" or "ovs", for a bool that says whether it is Open vSwitch. */
int lab_take_mode(void *place, const char *name, char *text);
int lab_take_switch(void *ovs, const char *name, char *text);

struct lab {
	struct lab_site *site;
	enum strata_place place;
	int cpus;         /* of the VM */
	char name[32];    /* of VM and logs: "emulated", "virtio", ... */
	char address[16]; /* of the server */
	char port[16];    /* the bridge's, "" none */
	char device[16];  /* PCI address of the card that is passed through, "" none */
	int server_ns;    /* of the container; else -1 */
	pid_t server;     /* strata-vmm or nginx */
	bool fell;        /* it ended by itself */
	struct lent lent; /* that card */
	char control[340];
	char log[300]; /* what the server process prints: the VM's console, nginx' errors */
	char nginx[PATH_MAX]; /* binary, for uprobes, if nginx runs on this kernel */
};

/* What a VM is, where that differs from one server of a demonstration. NULL: as there. */
struct lab_vm {
	const char *memory; /* as strata-vmm takes it; 256M */
	const char *image;  /* initrd below build/; "guest/initrd.img" */
	const char *target; /* what makes it; "guest-image" */
	const char *disk;   /* file that is its disk, none */
};

/* Can such a server run here? -1 with a sentence that says what is missing. */
int lab_check(const struct lab_wire *wire, enum strata_place place, bool alone);

/* Start a server on the site and put it on the wire. name NULL: that of the place. -1 with a
 * sentence; stop it in any case. */
int lab_start(struct lab *lab, struct lab_site *site, enum strata_place place, int cpus,
	      const char *name);

/* The same for a VM that is to be so. */
int lab_start_as(struct lab *lab, struct lab_site *site, enum strata_place place, int cpus,
		 const char *name, const struct lab_vm *vm);

/* Wait until the server answers, while it lives. -1 with a sentence that quotes its log if it
 * does not. */
int lab_await(struct lab *lab, int timeout_ms);

/* To a sentence in the error's text: whether the server lives, and what it printed last. */
void lab_add_state(struct lab *lab);

/* To a sentence in the error's text: that the server has ended, or does now, if so; true then.
 * Its socket is gone before its process is. */
bool lab_add_end(struct lab *lab);

/* Put this server on the wire instead of the one that is. */
int lab_select(struct lab *lab);

/* The topology to trace. */
int lab_topology(const struct lab *lab, struct topology *t);

/* Shut the server down in order. */
void lab_stop(struct lab *lab);

/* What a reader should know of the place: "a virtual machine (virtio-net, tap, bridge)". */
const char *lab_place_text(enum strata_place place);

#endif
