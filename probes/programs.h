/*
 * The table of BPF programs: what each attaches to, what it is for, which hops it marks.
 * Internal to libprobes.
 */
#ifndef STRATA_PROBES_PROGRAMS_H
#define STRATA_PROBES_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probes/points.h"

enum program_kind {
	PROGRAM_TRACEPOINT, /* tp_btf */
	PROGRAM_FENTRY,
	PROGRAM_UPROBE,
	PROGRAM_URETPROBE,
	PROGRAM_SOCKET,
};

/* What a configuration calls for; a program is wanted if all that it needs is there. */
enum need {
	NEED_SERVER = 1 << 0,  /* the server's sockets are on this kernel */
	NEED_CLIENT = 1 << 1,  /* the client's are */
	NEED_SOCKETS = 1 << 2, /* either */
	NEED_VM = 1 << 3,      /* VMs run on this kernel */
	NEED_IRQS = 1 << 4,    /* the uplink's interrupt lines are known */
	NEED_NGINX = 1 << 5,
	NEED_WIRE = 1 << 6,
	NEED_BRIDGE = 1 << 7, /* every uplink is a Linux bridge's port */
	NEED_SCHED = 1 << 8,  /* a server's or a vCPU's tasks */
	NEED_DEVICES = 1 << 9,
	NEED_VHOST = 1 << 10,   /* workers of vhost serve VMs here */
	NEED_MACVTAP = 1 << 11, /* VMs' ports are macvtaps */
	NEED_LINES = 1 << 12,   /* VMs' NICs interrupt by a line */
	NEED_PASSED = 1 << 13,  /* devices that belong to VMs have interrupt lines here */
	NEED_READER = 1 << 14,  /* VMMs that do not tell read from their taps */
	NEED_PEERS = 1 << 15,   /* VMs may ask one another */
	NEED_ASKS = 1 << 16,    /* the server may ask another */
	NEED_OVS = 1 << 17,     /* Open vSwitch has one of the devices */
};

/* Of the programs with the same alternative, the first that the kernel takes is used. */
enum alternative {
	ALTERNATIVE_NONE,
	ALTERNATIVE_SEND,
};

struct program {
	const char *name; /* of the BPF program */
	const char *section;
	const char *target; /* tracepoint or function */
	enum program_kind kind;
	enum alternative alternative;
	unsigned int rank;  /* among alternatives; programs of one rank work together */
	unsigned int needs; /* enum need bits */
	bool required;
	int point;          /* enum packet_point, or -1 */
	uint64_t hops;      /* bits of enum strata_hop, where point is -1 */
	uint64_t exact;     /* hops that this program no longer leaves inferred */
	const char *option; /* what the kernel must have been built with */
};

extern const struct program programs[];
extern const size_t program_count;

#define PROGRAMS_MAX 48

#endif
