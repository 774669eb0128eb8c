/* What a synthetic recording says of itself: see synthetic_emit.h. */
#include "tracer/synthetic_emit.h"

#include <stdio.h>

#include "tracer/kinds.h"

static json_t *hops_in_force(const struct synthetic_options *o)
{
	json_t *names = json_array();

	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (hop_table[hop].places & (unsigned int)o->place && hop != HOP_GUEST &&
		    !hop_is_upcall(hop))
			json_array_append_new(names, json_string(hop_table[hop].name));
	return names;
}

static json_t *devices(const struct synthetic_options *o)
{
	json_t *list = json_array();
	static const struct {
		const char *name, *role;
	} all[] = {
		{"eth0", "client"}, {"eno1", "uplink"}, {"tap0", "port"}, {"eth0", "server"}};

	for (size_t i = o->remote_client; i < 4; i++) {
		if (o->place == PLACE_PASSTHROUGH && (i == 1 || i == 2))
			continue;
		json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:i}", "index", (int)i + 1,
						      "name", all[i].name, "role", all[i].role,
						      "vm", i >= 2 && place_is_vm(o->place)));
	}
	return list;
}

static json_t *domains(const struct synthetic_options *o)
{
	/* misalign_ns: what the recording claims is not how the guest's clock was made */
	json_int_t offset = SYNTHETIC_TSC_OFFSET +
			    (json_int_t)((double)o->misalign_ns * SYNTHETIC_TICKS_PER_NS);
	json_t *list = json_pack("[{s:i,s:s}]", "domain", 0, "name", "host");
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)offset);
	if (place_is_vm(o->place))
		json_array_append_new(list,
				      json_pack("{s:i,s:s,s:i,s:s,s:f}", "domain",
						SYNTHETIC_GUEST, "name", "guest:web", "vm", 1,
						"tsc_offset", text, "tsc_ratio", 1.0));
	return list;
}

static const char *mode_of(enum strata_place place)
{
	return place == PLACE_EMULATED      ? "e1000"
	       : place == PLACE_PASSTHROUGH ? "vfio"
					    : place_name(place);
}

json_t *synthetic_meta(const struct synthetic_options *o, uint64_t start_ns)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:[i],s:o,s:o,s:{s:o,s:[s]},s:{s:s,s:I},s:I,s:o}",
			 "mode", mode_of(o->place), "switch",
			 o->place & (PLACE_BARE | PLACE_PASSTHROUGH) ? "none" : "bridge",
			 "place", place_name(o->place), "testbed", 0, "server_ports",
			 SYNTHETIC_PORT, "devices", devices(o), "domains", domains(o), "hops",
			 "in_force", hops_in_force(o), "inferred", "vswitch.in", "environment",
			 "source", "synthetic", "seed", (json_int_t)o->seed, "started_ns",
			 (json_int_t)start_ns, "event_kinds", kinds_meta());
}
