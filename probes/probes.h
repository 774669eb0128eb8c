/*
 * Probes: load, attach and read the eBPF programs of one kernel.
 *
 * The same library serves the tracer in the host and the agent in a guest; what
 * differs is the configuration: which devices play which part, whose threads are vCPUs.
 *
 * Tracepoints are the complete baseline; fentry refines where the kernel allows it. What the
 * kernel refuses is reported, not hidden: see probes_report().
 *
 * Threading: one struct probes belongs to one thread.
 */
#ifndef STRATA_PROBES_PROBES_H
#define STRATA_PROBES_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/flow_filter.h"
#include "lib/hop.h"
#include "probes/drops.h"
#include "probes/points.h"

#define PROBES_DEVICES_MAX 64
#define PROBES_PORTS_MAX   8
#define PROBES_VMS_MAX     16
#define PROBES_VCPUS_MAX   64
#define PROBES_IRQS_MAX    128
#define PROBES_PASSED_MAX  8

struct probes_device {
	uint32_t ifindex;
	uint32_t netns; /* inode number of its network namespace */
	enum device_role role;
	uint8_t index; /* what events carry in .device */
	uint8_t vm;    /* what events carry in .vm */
	bool bridged;  /* it is a port of a Linux bridge: br_handle_frame() will see its frames
			*/
	bool ovs;      /* it is a port of Open vSwitch's kernel datapath */
	bool wire;     /* payload is captured here, too; of ROLE_PEER: what its machine asks */
	int netns_fd;  /* ... and this is its network namespace; borrowed while opening */
	char name[16];
};

struct probes_vm {
	uint8_t vm;    /* what events carry in .vm */
	uint32_t tgid; /* the VMM's process; its threads that touch KVM are this VM's */
	uint32_t vcpu_tids[PROBES_VCPUS_MAX]; /* in the vCPUs' order: gives events their .queue;
						 threads not listed are learned, as vCPU 0 */
	unsigned int vcpus;
	/* doorbells of transmit queues: writes there are kicks */
	struct {
		uint64_t gpa;
		uint16_t queue;
		bool ioeventfd; /* KVM signals one; else the VMM answers the write */
	} kicks[PROBES_VCPUS_MAX];
	unsigned int kick_count;
	bool any_kick;  /* they are not known: any write of a device's register may be one */
	bool reads_tap; /* no ring tells when the VMM takes a frame from its tap */
	/* what its devices interrupt it with: those that do not tell of frames received are no
	 * hops; a message that is not listed may be */
	struct {
		uint64_t address; /* of the message; 0: a line */
		uint32_t data;    /* ... or the line's number */
		bool receive;
	} irqs[PROBES_IRQS_MAX];
	unsigned int irq_count;
	uint32_t workers[PROBES_VCPUS_MAX]; /* vhost's threads that serve it */
	unsigned int worker_count;
	/* devices that were passed through, as the host names them: "0000:01:00.0" */
	char passed[PROBES_PASSED_MAX][16];
	unsigned int passed_count;
};

struct probes_config {
	uint8_t domain;                   /* what events carry in .domain */
	uint16_t ports[PROBES_PORTS_MAX]; /* the server's TCP ports, host byte order */
	unsigned int port_count;
	struct probes_device devices[PROBES_DEVICES_MAX];
	unsigned int device_count;
	struct probes_vm vms[PROBES_VMS_MAX];
	unsigned int vm_count;
	int server_netns_fd; /* whose sockets are the server's; -1: those of the namespace of
				the devices that are ROLE_SERVER or ROLE_BARE */
	const char
		*nginx_path; /* binary to put uprobes on, as this process sees it; NULL: none */
	uint32_t wire_device; /* index into devices[] of the device whose payload is captured;
				 ~0 none */
	int wire_netns_fd;    /* its network namespace; -1: this process's */
	size_t ring_bytes; /* of events, per CPU, a power of two from 4096; 0: 16 MiB, or 4 of
			    * very many. Wire records have half as much. */
	struct flow_filter filter; /* of connections */
	unsigned int sample;       /* trace one connection in so many; 0 and 1: all */
	bool clients;              /* who connects to one of the ports from the server's
				      namespace is a client, too */
	bool no_fentry;            /* tracepoints only */
	bool no_uprobes;           /* none, whatever nginx_path is */
	unsigned int uprobe_limit; /* requests within a second after which uprobes are taken
				      off; 0: none */
	bool stats;                /* measure the programs' own run time (bpf_enable_stats) */
};

struct probes_callbacks {
	void (*events)(void *ctx, const struct strata_event *e, size_t count); /* in order */
	/* w->event's hop, NIC_RX or NIC_QUEUE, only tells the direction: it is no sighting */
	void (*wire)(void *ctx,
		     const struct strata_wire *w); /* captured bytes only: see w->captured */
	void *ctx;
};

/* How one probe stands. */
struct probe_report {
	const char *name; /* "tp_btf/net_dev_queue" */
	bool attached;
	bool required;       /* without it the trace is of no use */
	const char *why_not; /* "" if attached */
	uint64_t runs;       /* with stats: hits and time so far */
	uint64_t run_time_ns;
};

struct probes;

/* Load, verify and attach. NULL with a sentence that names the kernel option, if a required
 * probe fails. */
struct probes *probes_open(const struct probes_config *config,
			   const struct probes_callbacks *cb);

/* Read what has gathered, oldest first per CPU, wire records apart; returns how many records,
 * or -1. Never blocks, and comes back however fast there are more. */
int probes_poll(struct probes *p);

/* Records lost since probes_open(): rings full, maps full. */
uint64_t probes_lost(const struct probes *p);

/* One entry per probe; valid until probes_close(). */
size_t probes_report(struct probes *p, const struct probe_report **report);

/* Is what the server reads and writes by way of TLS handed on, too? */
bool probes_plaintext(const struct probes *p);

/* The different drops so far, named; valid until the next call. Takes some 50 ms. */
const struct drops *probes_drops(struct probes *p);

/* Can this kernel mark that hop with the probes in force? inferred: only by a neighbour. */
bool probes_hop_in_force(const struct probes *p, enum strata_hop hop, bool *inferred);

void probes_close(struct probes *p);

#endif
