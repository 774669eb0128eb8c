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
	 * woken), arg64 how long it took until it entered again, queue its index. */
	CONTEXT_VCPU_OUT = HOP_COUNT,
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

/* Where the server runs; a bit each. */
enum strata_place {
	PLACE_NONE = 0,
	PLACE_VM = 1 << 0,
	PLACE_CONTAINER = 1 << 1,
	PLACE_BARE = 1 << 2,
	PLACE_ALL = PLACE_VM | PLACE_CONTAINER | PLACE_BARE,
};

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
const char *place_name(enum strata_place place);     /* "vm", "container", "bare" */
int hop_by_name(const char *name);                   /* enum strata_hop, or -1 */
#endif

#endif
