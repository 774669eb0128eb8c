/* Requests as JSON, each with its hops, causes and drops: see json.h. */
#include "tracer/json.h"

#include "tracer/attribution.h"
#include "tracer/drops.h"
#include "tracer/exchanges.h"
#include "tracer/parents.h"
#include "tracer/summary.h"

json_t *json_drop(const struct model *m, const struct drop *drop)
{
	return json_pack("{s:s?,s:s?,s:s,s:s}", "reason", drop_reason(m, drop), "place",
			 drop_place(m, drop), "direction",
			 direction_name((enum strata_direction)drop->direction), "clock",
			 m->domains[drop->domain].name);
}

static void add_rung_causes(json_t *o, const struct model *m, const struct request *r,
			    enum strata_hop hop)
{
	json_t *list = json_array();

	for (uint8_t i = 0; i < r->causes.count; i++)
		if (r->causes.at[i].hop == hop)
			json_array_append_new(list, cause_json(&m->actors, &r->causes.at[i]));
	if (json_array_size(list))
		json_object_set(o, "causes", list);
	json_decref(list);
}

static json_t *request_hops(const struct model *m, const struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct hop_seen *seen = &r->hops[rungs[i].hop];
		json_t *o = json_pack(
			"{s:s,s:o,s:o,s:i,s:s}", "hop", hop_table[rungs[i].hop].name, "at_ns",
			json_number(rungs[i].time_ns), "took_ns",
			i + 1 < n ? json_number(rungs[i].took_ns) : json_null(), "cpu",
			(int)seen->cpu, "clock", m->domains[seen->domain].name);

		if (rungs[i].outside_ns)
			json_object_set_new(o, "vcpu_outside_ns",
					    json_number(rungs[i].outside_ns));
		add_rung_causes(o, m, r, rungs[i].hop);
		if (seen->flags & HOP_INFERRED)
			json_object_set_new(o, "inferred", json_true());
		if (seen->flags & HOP_CLAMPED)
			json_object_set_new(o, "clamped", json_true());
		if (rungs[i].unattributed)
			json_object_set_new(o, "unattributed", json_true());
		json_array_append_new(list, o);
	}
	return list;
}

/* at_ns counts from the request's start: a packet may have been dropped before. */
static json_t *request_drops(const struct model *m, const struct request *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->dropped && i < REQUEST_DROPS_MAX; i++) {
		json_t *o = json_drop(m, &r->drops[i]);

		if (r->measured)
			json_object_set_new(
				o, "at_ns",
				json_integer((json_int_t)(r->drops[i].time_ns -
							  r->hops[r->first].time_ns)));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *request_layers(const struct request *r)
{
	json_t *o = json_object();

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		json_object_set_new(
			o, layer_name((enum strata_layer)layer),
			json_pack("{s:o,s:o}", direction_name(DIRECTION_REQUEST),
				  json_number(r->layer_ns[layer][DIRECTION_REQUEST]),
				  direction_name(DIRECTION_REPLY),
				  json_number(r->layer_ns[layer][DIRECTION_REPLY])));
	return o;
}

static json_t *flow_text(uint64_t flow)
{
	return json_sprintf("%016llx", (unsigned long long)flow);
}

static json_t *request_object(const struct model *m, const struct request *r)
{
	const struct http_request *h = &r->http;
	bool http = h->protocol == PROTOCOL_HTTP;

	return json_pack(
		"{s:s,s:b,s:s?,s:s?,s:o,s:s,s:s,s:o,s:i,s:b,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o}",
		"protocol", protocol_name((enum protocol)h->protocol), "tls", h->tls, "method",
		http ? h->method : NULL, "path", http ? h->path : NULL, "status",
		h->answered && http ? json_integer(h->status) : json_null(), "client",
		summary_address(h->client_addr, h->client_port).s, "server",
		summary_address(h->server_addr, h->server_port).s, "flow", flow_text(h->flow),
		"index", (int)h->index, "new_connection", h->new_connection, "request_seq",
		json_number(h->request_seq), "request_end", json_number(h->request_end),
		"request_bytes", json_number(h->request_bytes), "reply_bytes",
		h->answered ? json_number(h->reply_bytes) : json_null(), "complete",
		r->complete, "end_to_end_ns",
		r->measured ? json_number(r->end_to_end_ns) : json_null(), "unattributed_ns",
		r->measured ? json_number(r->unattributed_ns[DIRECTION_REQUEST] +
					  r->unattributed_ns[DIRECTION_REPLY])
			    : json_null(),
		"layers_ns", r->measured ? request_layers(r) : json_null(), "start_ns",
		r->measured ? json_number(r->hops[r->first].time_ns) : json_null(), "hops",
		request_hops(m, r));
}

static void add_counts(json_t *o, const struct request *r)
{
	json_t *exits = json_object();

	for (int kind = 0; kind < EXIT_KINDS; kind++)
		if (r->exits[kind])
			json_object_set_new(exits, exit_kind_name((enum exit_kind)kind),
					    json_integer(r->exits[kind]));
	json_object_set_new(o, "exits", exits);
	json_object_set_new(o, "interrupts", json_integer(r->interrupts));
}

json_t *json_request(const struct model *m, const struct request *r)
{
	json_t *o = request_object(m, r);

	if (o && r->counted)
		add_counts(o, r);
	if (o && r->vm)
		json_object_set_new(o, "vm", json_string(model_vm_name(m, r->vm)));
	if (o && r->client_vm)
		json_object_set_new(o, "client_vm",
				    json_string(model_vm_name(m, r->client_vm)));
	if (o && r->parent_flow)
		json_object_set_new(o, "parent",
				    json_pack("{s:o,s:o}", "flow", flow_text(r->parent_flow),
					      "seq", json_number(r->parent_seq)));
	if (o && r->dropped)
		json_object_set_new(o, "drops", request_drops(m, r));
	return o;
}

json_t *json_requests(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->request_count; i++) {
		const struct request *parent = parents_find(m, &m->requests[i]);
		json_t *o = json_request(m, &m->requests[i]);

		if (parent)
			json_object_set_new(json_object_get(o, "parent"), "index",
					    json_integer(parent->http.index));
		json_array_append_new(list, o);
	}
	return list;
}
