/*
 * The result as JSON. What is missing is absent or null, never 0: a layer that this placement
 * does not have is not in the list, a percentile of nothing is null.
 */
#include "tracer/json.h"

#include <string.h>

#include "lib/err.h"
#include "tracer/attribution.h"
#include "tracer/drops.h"
#include "tracer/exchanges.h"
#include "tracer/json_vm.h"
#include "tracer/summary.h"

static const struct {
	const char *name;
	double part;
} quantiles[] = {{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"max", 1.0}};

/* suffix "_ns": {"p50_ns":...}; "": {"p50":...} */
static void add_quantiles(json_t *o, struct quantile *q, const char *suffix)
{
	char key[16];

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		snprintf(key, sizeof(key), "%s%s", quantiles[i].name, suffix);
		json_object_set_new(o, key,
				    q->count ? json_number(quantile_at(q, quantiles[i].part))
					     : json_null());
	}
}

static json_t *quantile_object(struct quantile *q)
{
	json_t *o = json_object();

	add_quantiles(o, q, "");
	return o;
}

static json_t *requests_object(const struct model *m)
{
	int most = summary_most_missing(m);
	json_t *o = json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "seen", json_number(m->seen), "complete",
		json_number(m->complete), "partial", json_number(m->partial), "measured",
		json_number(m->measured), "unanswered", json_number(m->unanswered),
		"retransmitted", json_number(m->retransmits), "retransmitted_on_wire",
		json_number(m->http.retransmitted), "filtered", json_number(m->filtered));

	if (summary_why_none(m))
		json_object_set_new(o, "why_none", json_string(summary_why_none(m)));
	if (most >= 0)
		json_object_set_new(o, "most_missing",
				    json_pack("{s:s,s:o}", "hop", hop_table[most].name,
					      "requests", json_number(m->hops[most].missing)));
	return o;
}

static json_t *events_object(const struct model *m)
{
	json_t *by_stage = json_object();

	for (int s = 0; s < LOST_STAGES; s++)
		json_object_set_new(by_stage, lost_stage_name((enum lost_stage)s),
				    json_number(m->lost[s]));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "total", json_number(m->events), "lost",
			 json_number(model_lost(m)), "lost_by_stage", by_stage, "unaligned",
			 json_number(m->events_unaligned), "rejected",
			 json_number(m->events_rejected), "forgotten",
			 json_number(m->forgotten));
}

static json_t *shortest(int64_t ns)
{
	return ns == INT64_MAX ? json_null() : json_integer((json_int_t)ns);
}

static json_t *clock_object(const struct model *m)
{
	json_t *domains = json_array(), *after = json_object();

	for (unsigned int i = 1; i < m->domain_count; i++) {
		const struct model_domain *d = &m->domains[i];

		json_array_append_new(
			domains,
			json_pack("{s:s,s:o,s:b,s:o,s:o,s:o}", "name", d->name, "error_ns",
				  d->aligned ? json_number(d->error_ns) : json_null(),
				  "aligned", d->aligned, "events", json_number(d->events),
				  "shortest_in_ns", shortest(d->shortest_in_ns),
				  "shortest_out_ns", shortest(d->shortest_out_ns)));
	}
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (m->violations_after[hop])
			json_object_set_new(after, hop_table[hop].name,
					    json_number(m->violations_after[hop]));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "domains", domains,
			 "causality_violations", json_number(m->violations), "pairs_checked",
			 json_number(m->pairs_checked), "pairs_across_clocks",
			 json_number(m->pairs_across), "violations_by_hop", after,
			 "clamped_max_ns", json_number(m->clamped_max_ns));
}

static json_t *layers_array(struct model *m)
{
	json_t *list = json_array();

	for (int d = 0; d < DIRECTION_COUNT; d++) {
		for (int i = 0; i < LAYER_COUNT; i++) {
			int layer = d == DIRECTION_REQUEST ? i : LAYER_COUNT - 1 - i;
			json_t *o;

			if (!summary_layer_here(m, (enum strata_layer)layer,
						(enum strata_direction)d))
				continue;
			o = json_pack("{s:s,s:s}", "layer",
				      layer_name((enum strata_layer)layer), "direction",
				      direction_name((enum strata_direction)d));
			add_quantiles(o, &m->layers[layer][d].took, "_ns");
			json_object_set_new(
				o, "share",
				m->end_to_end.sum
					? json_real(summary_share(m, (enum strata_layer)layer,
								  (enum strata_direction)d))
					: json_null());
			json_array_append_new(list, o);
		}
	}
	return list;
}

/* Of all requests together; only what was seen at that hop. */
static json_t *hop_causes(const struct model *m, int hop)
{
	json_t *list = json_array();

	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const struct model_cause *c = &m->causes[hop][cause];

		if (c->requests)
			json_array_append_new(list,
					      json_pack("{s:s,s:o,s:o,s:o}", "cause",
							cause_table[cause].name, "requests",
							json_number(c->requests), "sum_ns",
							json_number(c->sum_ns), "max_ns",
							json_number(c->max_ns)));
	}
	return list;
}

static json_t *hops_array(struct model *m)
{
	json_t *list = json_array();

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		struct model_hop *h = &m->hops[hop];
		json_t *o;

		if (!h->here)
			continue;
		o = json_pack("{s:s,s:s,s:s,s:o,s:b}", "hop", hop_table[hop].name, "layer",
			      layer_name(hop_table[hop].layer), "direction",
			      direction_name(hop_table[hop].direction), "count",
			      json_number(h->count), "inferred", h->inferred);
		add_quantiles(o, &h->took, "_ns");
		json_object_set_new(o, "title", json_string(hop_table[hop].title));
		json_object_set_new(o, "in_force", json_boolean(h->in_force));
		json_object_set_new(o, "needed", json_boolean(h->needed));
		json_object_set_new(o, "missing",
				    h->needed ? json_number(h->missing) : json_null());
		json_object_set_new(o, "events", json_number(h->events));
		json_object_set_new(o, "error_ns", json_number(m->domains[h->domain].error_ns));
		json_object_set_new(o, "causes", hop_causes(m, hop));
		json_array_append_new(list, o);
	}
	return list;
}

/* Who ran instead of those that waited, of all requests together; most first is not promised.
 */
static json_t *rivals_array(const struct model *m)
{
	json_t *list = json_array();

	for (uint16_t i = 1; i < m->actors.count; i++) {
		json_t *o = actor_json(&m->actors, i);

		json_object_set_new(o, "had_ns", json_number(m->actors.at[i].had_ns));
		json_array_append_new(list, o);
	}
	return list;
}

/* Of all requests, and of packets that were no request's. */
static json_t *drops_array(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->drop_count; i++) {
		json_t *o = json_drop(m, &m->drops[i].what);

		json_object_set_new(o, "packets", json_number(m->drops[i].packets));
		json_array_append_new(list, o);
	}
	return list;
}

/* What of the guest's time the vCPU was outside guest mode; in the layers it is the
 * hypervisor's. */
static json_t *outside_object(struct model *m)
{
	return json_pack("{s:o,s:o}", direction_name(DIRECTION_REQUEST),
			 quantile_object(&m->outside[DIRECTION_REQUEST]),
			 direction_name(DIRECTION_REPLY),
			 quantile_object(&m->outside[DIRECTION_REPLY]));
}

static json_t *count_object(struct quantile *q)
{
	json_t *o = quantile_object(q);

	json_object_set_new(o, "mean", json_real(summary_mean(q)));
	return o;
}

/* Only where a vCPU was seen to leave guest mode; else null. */
static json_t *exits_object(struct model *m)
{
	enum exit_kind kinds[EXIT_KINDS];
	size_t n = summary_exits(m, kinds);
	json_t *o, *reasons = json_array();

	if (!m->exits_per_request.count) {
		json_decref(reasons);
		return json_null();
	}
	for (size_t i = 0; i < n; i++) {
		struct model_exits *x = &m->exits[kinds[i]];
		json_t *reason = count_object(&x->per_request), *names = json_array();

		for (size_t k = 0; k < sizeof(x->names) / sizeof(x->names[0]); k++)
			if (x->names[k])
				json_array_append_new(names, json_string(x->names[k]));
		json_object_set_new(reason, "reason", json_string(exit_kind_name(kinds[i])));
		json_object_set_new(reason, "names", names);
		json_array_append_new(reasons, reason);
	}
	o = count_object(&m->exits_per_request);
	json_object_set_new(o, "reasons", reasons);
	return o;
}

static json_t *interrupts_object(struct model *m)
{
	return m->interrupts_per_request.count ? count_object(&m->interrupts_per_request)
					       : json_null();
}

static json_t *known(double n)
{
	return n > 0 ? json_real(n) : json_null();
}

static json_t *frames_object(const struct model *m)
{
	return json_pack("{s:o,s:o}", "host", known(summary_frames_per_irq(m, false)), "guest",
			 known(summary_frames_per_irq(m, true)));
}

static json_t *steal_object(const struct model *m)
{
	json_t *o = json_object();

	for (unsigned int i = 1; i < m->domain_count; i++) {
		json_int_t ms = summary_steal_ms(m, i);

		json_object_set_new(o, m->domains[i].name,
				    ms < 0 ? json_null() : json_integer(ms));
	}
	return o;
}

static json_t *recording_object(const struct model *m)
{
	return json_pack("{s:b,s:o,s:o,s:o,s:o}", "complete", m->recording.complete, "blocks",
			 json_number(m->recording.blocks), "discarded_blocks",
			 json_number(m->recording.discarded), "damaged_blocks",
			 json_number(m->recording.damaged), "unread_bytes",
			 json_number(m->recording.unread_bytes));
}

static void add_meta(json_t *doc, const struct model *m, const char *key)
{
	json_t *value = json_object_get(m->meta, key);

	json_object_set(doc, key, value ? value : json_null());
}

static void add_overhead(json_t *doc, const struct model *m)
{
	json_t *overhead = summary_overhead(m);

	json_object_set_new(doc, "overhead", overhead ? overhead : json_null());
}

json_t *json_document(struct model *m, const struct json_options *options)
{
	json_t *doc =
		json_pack("{s:s,s:s,s:s,s:b,s:s,s:{s:s,s:s},s:o,s:o,s:o,s:o,s:o,s:o}", "schema",
			  "strata.trace/1", "mode", m->mode, "switch", m->switch_kind,
			  "testbed", m->testbed, "place", place_name(m->place), "measured",
			  "from", hop_table[m->first].name, "to", hop_table[m->last].name,
			  "requests", requests_object(m), "events", events_object(m), "clock",
			  clock_object(m), "end_to_end_ns", quantile_object(&m->end_to_end),
			  "layers", layers_array(m), "hops", hops_array(m));
	json_t *unattributed = quantile_object(&m->unattributed);

	if (!doc || !unattributed) {
		json_decref(doc);
		json_decref(unattributed);
		err_set("out of memory for the JSON document");
		return NULL;
	}
	json_object_set_new(unattributed, "share",
			    m->end_to_end.sum ? json_real(summary_unattributed_share(m))
					      : json_null());
	if (m->earliest != m->first) /* requests that have it are measured from there */
		json_object_set_new(json_object_get(doc, "measured"), "from_earliest",
				    json_string(hop_table[m->earliest].name));
	json_object_set_new(doc, "unattributed_ns", unattributed);
	json_object_set_new(doc, "vcpu_outside_ns", outside_object(m));
	json_object_set_new(doc, "exits_per_request", exits_object(m));
	json_object_set_new(doc, "interrupts_per_request", interrupts_object(m));
	json_object_set_new(doc, "vcpus", json_vcpus(m));
	json_object_set_new(doc, "virtqueues", json_queues(m));
	json_object_set_new(doc, "messages", json_messages(m));
	json_object_set_new(doc, "messages_left_out", json_number(m->messages.others));
	json_object_set_new(doc, "frames_per_interrupt", frames_object(m));
	json_object_set_new(doc, "steal_ms", steal_object(m));
	json_object_set_new(doc, "rivals", rivals_array(m));
	add_overhead(doc, m);
	json_object_set_new(doc, "drops", drops_array(m));
	add_meta(doc, m, "devices");
	add_meta(doc, m, "environment");
	add_meta(doc, m, "backend");
	add_meta(doc, m, "command_failed");
	add_meta(doc, m, "probes");
	add_meta(doc, m, "attach_ns");
	add_meta(doc, m, "detach_ns");
	json_object_set_new(doc, "recording", recording_object(m));
	if (options && options->requests)
		json_object_set_new(doc, "requests_list", json_requests(m));
	return doc;
}

int json_report(struct model *m, const struct json_options *options, FILE *f)
{
	json_t *doc = json_document(m, options);
	int failed;

	if (!doc)
		return -1;
	failed = json_dumpf(doc, f, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(doc);
	if (failed || fputc('\n', f) == EOF || fflush(f))
		return err_errno("writing the JSON document");
	return 0;
}
