/*
 * The table of hops, generated from lib/hop.def. BPF C includes this too and takes
 * only the enumerators.
 */
#ifndef STRATA_LIB_HOP_H
#define STRATA_LIB_HOP_H

enum strata_hop {
#define HOP(id, ...) HOP_##id,
#include "lib/hop.def"
#undef HOP
	HOP_COUNT
};

/*
 * Context events that are no hop: they stand in no order on the path, but say what the time
 * between hops was made of.
 */
enum strata_context {
	/* A vCPU outside guest mode: time_ns is when it left (or, if it had halted, when it was
	 * woken), arg64 how long it took until it entered again, queue its index, len for how
	 * long it had been halted. */
	CONTEXT_VCPU_OUT = HOP_COUNT,
	/* A worker of vhost was woken, and was given a CPU. Which way it is going to carry
	 * frames, nobody knows yet. */
	CONTEXT_WORKER_WAKE,
	CONTEXT_WORKER_RUN,
	/* A task that carries requests was off the CPU: lib/offcpu.h. */
	CONTEXT_TASK_OFF,
	/* A NAPI poll used up its budget, and the rest of its frames had to wait. */
	CONTEXT_NAPI_FULL,
	/* A kernel dropped a packet with these bytes: queue is its direction, arg32 the
	 * kernel's number of the reason, arg64 the address of the code. */
	CONTEXT_DROP,
	/* How a virtual machine fares: lib/vital.h. */
	CONTEXT_VITAL,
	/* A thread that serves requests asks another server, flow and seq being where its own
	 * request begins: what it had read last was of arg64's connection, up to byte arg32. */
	CONTEXT_ASKED,
	EVENT_KINDS
};

enum strata_layer {
	LAYER_EXTERNAL,
	LAYER_HOST,
	LAYER_HYPERVISOR,
	LAYER_VM,
	LAYER_SERVICE,
	LAYER_COUNT
};

enum strata_direction { DIRECTION_REQUEST, DIRECTION_REPLY, DIRECTION_COUNT };

/* Where the server runs, and for a VM how it is connected; a bit each. */
enum strata_place {
	PLACE_NONE = 0,
	PLACE_EMULATED = 1 << 0,    /* a VM; its NIC is emulated, register by register */
	PLACE_VIRTIO = 1 << 1,      /* a VM; virtio-net, served by the VMM */
	PLACE_VHOST = 1 << 2,       /* a VM; virtio-net, served by the host's kernel */
	PLACE_PASSTHROUGH = 1 << 3, /* a VM; a device of its own */
	PLACE_CONTAINER = 1 << 4,
	PLACE_BARE = 1 << 5,
	PLACE_VM = PLACE_EMULATED | PLACE_VIRTIO | PLACE_VHOST | PLACE_PASSTHROUGH,
	PLACE_ALL = PLACE_VM | PLACE_CONTAINER | PLACE_BARE,
};

/* Open vSwitch's alone. */
static inline int hop_is_upcall(int hop)
{
	return hop == HOP_VSWITCH_RX_UPCALL || hop == HOP_VSWITCH_TX_UPCALL;
}

static inline int place_is_vm(enum strata_place place)
{
	return (place & PLACE_VM) != 0;
}

#ifndef __bpf__
struct hop_info {
	const char *name;
	enum strata_layer layer;
	enum strata_direction direction;
	unsigned int places; /* enum strata_place bits that have this hop */
	unsigned int needed; /* ... in which a request is incomplete without it */
	const char *probe;
	const char *title;
	const char *text;
};

/* Indexed by enum strata_hop. */
extern const struct hop_info hop_table[HOP_COUNT];

const char *layer_name(enum strata_layer layer);     /* "external", "host", ... */
const char *direction_name(enum strata_direction d); /* "request", "reply" */
int hop_by_name(const char *name);                   /* enum strata_hop, or -1 */

/* A hop's name, or that of a context event; kind < EVENT_KINDS. */
const char *event_kind_name(int kind);

/* "emulated", "virtio", "vhost", "passthrough", "container", "bare" */
const char *place_name(enum strata_place place);
enum strata_place place_by_name(const char *name); /* PLACE_NONE: no such place */
#endif

#endif
