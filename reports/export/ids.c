/* Names in a distributed trace: see ids.h. */
#include "reports/export/ids.h"

#include <inttypes.h>
#include <string.h>

static void hex(char *to, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

/* The request's own 64 bits. */
static uint64_t mix(const struct export *e, const struct request *r)
{
	const json_t *started = json_object_get(e->m->meta, "started_ns");
	uint64_t h =
		flow_mix((uint64_t)e->wall_offset_ns, (uint64_t)json_integer_value(started));

	h = flow_mix(h, r->http.flow);
	h = flow_mix(h, r->http.request_first_ns);
	return flow_mix(h, (uint64_t)r->http.index << 32 | r->http.request_seq);
}

void trace_ids_of(const struct export *e, const struct request *r, struct trace_ids *ids)
{
	const struct traceparent *t = &r->http.trace;
	uint64_t own = mix(e, r), low = flow_mix(own, 1);

	*ids = (struct trace_ids){.span = flow_mix(own, 2) | 1, .flags = TRACEPARENT_SAMPLED};
	if (t->valid) {
		hex(ids->trace_id, t->trace_id, sizeof(t->trace_id));
		hex(ids->parent_id, t->parent_id, sizeof(t->parent_id));
		ids->flags = t->flags;
	} else {
		snprintf(ids->trace_id, sizeof(ids->trace_id), "%016" PRIx64 "%016" PRIx64, own,
			 low | 1);
	}
}

struct span_id span_id(const struct trace_ids *ids, unsigned int n)
{
	struct span_id id;

	snprintf(id.s, sizeof(id.s), "%016" PRIx64,
		 (uint64_t)(n ? flow_mix(ids->span, n) | 1 : ids->span));
	return id;
}
