/*
 * Topology: what a trace is taken of. Which network devices play which part, which VMs
 * there are, whose threads are their vCPUs, where their event rings lie.
 *
 * Filled by the caller (the demo knows what it built) or discovered from a VM's control
 * socket and the bridge its tap is plugged into.
 */
#ifndef STRATA_TRACER_TOPOLOGY_H
#define STRATA_TRACER_TOPOLOGY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "lib/hop.h"
#include "probes/probes.h"

#define TOPOLOGY_DEVICES_MAX 32
#define TOPOLOGY_VMS_MAX     8

struct topology_device {
	char name[16];
	enum device_role role;
	int netns_fd; /* ours, closed by topology_free() */
	uint32_t ifindex;
	uint8_t vm;
	bool bridged; /* a port of a Linux bridge */
	bool ovs;     /* ... of Open vSwitch */
};

struct topology_vm {
	char name[32];
	pid_t pid;
	bool has_net;
	bool bystander;      /* only its threads are known: no agent, no ring, no card */
	char ring_path[256]; /* the VMM's event ring; "" none */
	char control[256];   /* the VMM's control socket; "" none */
	char agent[256];     /* the way to the agent (tracer/channel.h); "" none */
	bool tsc_known;      /* the offset: without it the guest's clock cannot be aligned */
	int64_t tsc_offset;
	double tsc_ratio;
	struct probes_vm probes;
};

struct topology {
	enum strata_place place;
	char mode[16];        /* "e1000", "virtio", "vhost", "vfio", "container", "bare" */
	char switch_kind[16]; /* "bridge", "openvswitch", "macvtap", "none" */
	struct topology_device devices[TOPOLOGY_DEVICES_MAX];
	unsigned int device_count;
	bool uplink_given; /* by topology_add_device(): none is looked for */
	struct topology_vm vms[TOPOLOGY_VMS_MAX];
	unsigned int vm_count;
	uint16_t ports[PROBES_PORTS_MAX];
	unsigned int port_count;
	char nginx_path[PATH_MAX]; /* "" none: no uprobes on this kernel */
};

void topology_init(struct topology *t);
void topology_free(struct topology *t);

/* The device called name in the namespace plays that role. The namespace's descriptor is
 * duplicated. */
int topology_add_device(struct topology *t, int netns_fd, const char *name,
			enum device_role role, uint8_t vm);

/*
 * A strata VM, by its control socket: its vCPU threads, clocks and rings, how its first network
 * card is served and interrupts, its tap as a port and what leads out of its vSwitch as
 * uplinks.
 */
int topology_add_vm(struct topology *t, const char *control_path);

/* A strata VM that serves none of the requests, but may be why they wait: what is recorded of
 * its threads has its number. */
int topology_add_bystander(struct topology *t, const char *control_path);

/* The same as topology_add_vm() from what it answered. */
int topology_take_status(struct topology *t, const json_t *status);

/*
 * Anyone's VM, by its VMM's process: its vCPU threads, vhost's workers and taps, from what the
 * kernel says of the process. Its TSC offset needs debugfs. agent: the way to the agent in its
 * guest (tracer/channel.h); "none"; NULL: whatever way there is.
 */
int topology_add_process(struct topology *t, pid_t pid, const char *agent);

/* A server process in a container-like namespace or on this kernel: its device, the port of the
 * bridge it is plugged into and that bridge's uplinks; where a bare device was given, its
 * binary alone. */
int topology_add_server(struct topology *t, pid_t server_pid);

/* The same for whoever listens on the topology's ports (add them before): in a container, by
 * its name or a process of it; in a network namespace, by its name, file or a process; wherever
 * it may be, our own namespace first. */
int topology_add_container(struct topology *t, const char *name);
int topology_add_netns(struct topology *t, const char *name);
int topology_add_listener(struct topology *t);

/* The device that our namespace's default route leaves by, used by a server without a bridge.
 */
int topology_add_bare(struct topology *t);

/* A tap, or any device plugged into a bridge or Open vSwitch: it is a port, what else the
 * vSwitch has but taps are uplinks. Of a macvtap the uplink is the device it sits on. Nothing
 * is looked for if an uplink was given by topology_add_device() before. */
int topology_add_switch_port(struct topology *t, int netns_fd, const char *name, uint8_t vm);

int topology_add_port(struct topology *t, uint16_t port);

const struct topology_device *topology_find(const struct topology *t, enum device_role role);

/* As the META block of a recording tells it: mode, switch, place, server_ports, devices,
 * domains. */
json_t *topology_meta(const struct topology *t);

#endif
