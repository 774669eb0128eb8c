/* The table of hops and the names of its columns. */
#include "lib/hop.h"

#include <string.h>

/* The rows of hop.def name placements by their short names. */
enum {
	NONE = PLACE_NONE,
	EMULATED = PLACE_EMULATED,
	VIRTIO = PLACE_VIRTIO,
	VHOST = PLACE_VHOST,
	PASSTHROUGH = PLACE_PASSTHROUGH,
	VM = PLACE_VM,
	CONTAINER = PLACE_CONTAINER,
	BARE = PLACE_BARE,
	ALL = PLACE_ALL,
	SERVED = EMULATED | VIRTIO,
	RUNG = SERVED | VHOST,
	SWITCHED = RUNG | CONTAINER,
};

const struct hop_info hop_table[HOP_COUNT] = {
#define HOP(id, name_, layer_, direction_, places_, needed_, probe_, title_, text_) \
	[HOP_##id] = {                                                              \
		.name = name_,                                                      \
		.layer = LAYER_##layer_,                                            \
		.direction = DIRECTION_##direction_,                                \
		.places = places_,                                                  \
		.needed = needed_,                                                  \
		.probe = probe_,                                                    \
		.title = title_,                                                    \
		.text = text_,                                                      \
	},
#include "lib/hop.def"
#undef HOP
};

const char *layer_name(enum strata_layer layer)
{
	static const char *const names[LAYER_COUNT] = {"external", "host", "hypervisor", "vm",
						       "service"};

	return names[layer];
}

const char *direction_name(enum strata_direction d)
{
	return d == DIRECTION_REQUEST ? "request" : "reply";
}

static const struct {
	const char *name;
	enum strata_place place;
} places[] = {
	{"emulated", PLACE_EMULATED},   {"virtio", PLACE_VIRTIO},
	{"vhost", PLACE_VHOST},         {"passthrough", PLACE_PASSTHROUGH},
	{"container", PLACE_CONTAINER}, {"bare", PLACE_BARE},
};

const char *place_name(enum strata_place place)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].place == place)
			return places[i].name;
	return "none";
}

enum strata_place place_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strcmp(places[i].name, name))
			return places[i].place;
	return PLACE_NONE;
}

const char *event_kind_name(int kind)
{
	static const char *const contexts[EVENT_KINDS - HOP_COUNT] = {
		[CONTEXT_VCPU_OUT - HOP_COUNT] = "vcpu.out",
		[CONTEXT_WORKER_WAKE - HOP_COUNT] = "worker.wake",
		[CONTEXT_WORKER_RUN - HOP_COUNT] = "worker.run",
		[CONTEXT_TASK_OFF - HOP_COUNT] = "task.off",
		[CONTEXT_NAPI_FULL - HOP_COUNT] = "napi.full",
		[CONTEXT_DROP - HOP_COUNT] = "drop",
		[CONTEXT_VITAL - HOP_COUNT] = "vital",
		[CONTEXT_ASKED - HOP_COUNT] = "asked",
	};

	return kind < HOP_COUNT ? hop_table[kind].name : contexts[kind - HOP_COUNT];
}

int hop_by_name(const char *name)
{
	for (int i = 0; i < HOP_COUNT; i++)
		if (!strcmp(hop_table[i].name, name))
			return i;
	return -1;
}
