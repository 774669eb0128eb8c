/* What strata-trace can be told. */
#ifndef STRATA_TRACER_OPTIONS_H
#define STRATA_TRACER_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tracer/exchanges.h"
#include "tracer/filter.h"
#include "tracer/topology.h"

#define TRACE_DEVICES_MAX 8

/* A device named on the command line, "[PID:]NAME": in that process's network namespace, or
 * ours. */
struct trace_device {
	pid_t pid; /* 0: ours */
	const char *name;
	enum device_role role;
};

struct trace_options {
	const char *vms[TOPOLOGY_VMS_MAX]; /* control sockets */
	unsigned int vm_count;
	pid_t pids[TOPOLOGY_VMS_MAX];         /* VMMs of anyone's */
	const char *agents[TOPOLOGY_VMS_MAX]; /* theirs: an address, "none", NULL to be found */
	unsigned int pid_count;
	pid_t server;                  /* 0: none given */
	const char *container, *netns; /* NULL: none given */
	bool port_given;
	struct trace_device devices[TRACE_DEVICES_MAX];
	unsigned int device_count;
	uint16_t ports[PROBES_PORTS_MAX];
	unsigned int port_count;
	const char *protocol;  /* NULL: auto, or what is recorded */
	const char *output;    /* the recording */
	const char *read;      /* analyse this one instead of tracing */
	struct filter filter;  /* which requests are wanted */
	uint64_t flight_bytes; /* a flight recorder's size; 0: keep all */
	double seconds;        /* 0: until the command ends, or Ctrl-C */
	bool record_only;      /* no analysis, no report */
	bool json;
	bool list;           /* with json: every request */
	const char *backend; /* NULL: none given */
	bool pcap;
	bool no_fentry;
	bool no_uprobes;
	unsigned int uprobe_limit; /* requests a second; 0: none */
	bool stats;
	bool hops;      /* explain the hops, trace nothing */
	char **command; /* NULL-terminated, or NULL */
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int trace_options_parse(struct trace_options *o, int argc, char **argv);

#endif
