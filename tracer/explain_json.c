/* An explanation as a document, schema strata.explain/1: see explain.h. */
#include "lib/exits.h"
#include "tracer/explain.h"
#include "tracer/json.h"
#include "tracer/summary.h"

static json_t *ns_of(double ns)
{
	return json_integer((json_int_t)(ns < 0 ? ns - 0.5 : ns + 0.5));
}

static json_t *groups(double slow_ns, double usual_ns, uint64_t slow_p50_ns,
		      uint64_t usual_p50_ns)
{
	return json_pack("{s:o,s:o,s:o,s:o}", "slow_ns", ns_of(slow_ns), "usual_ns",
			 ns_of(usual_ns), "slow_p50_ns", json_number(slow_p50_ns),
			 "usual_p50_ns", json_number(usual_p50_ns));
}

static json_t *layers(const struct explanation *e)
{
	json_t *list = json_array();

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++) {
			const struct explain_layer *l = &e->layers[layer][d];
			json_t *o = groups(l->slow_ns, l->usual_ns, l->slow_p50_ns,
					   l->usual_p50_ns);

			json_object_set_new(o, "layer",
					    json_string(layer_name((enum strata_layer)layer)));
			json_object_set_new(
				o, "direction",
				json_string(direction_name((enum strata_direction)d)));
			json_array_append_new(list, o);
		}
	return list;
}

static json_t *examples(const struct finding *f)
{
	json_t *list = json_array();

	for (int i = 0; i < EXPLAIN_EXAMPLES && f->examples[i]; i++) {
		const struct request *r = f->examples[i];

		json_array_append_new(
			list,
			json_pack("{s:o,s:s,s:s,s:s,s:o,s:o}", "request",
				  json_number(r->number), "method", r->http.method, "path",
				  r->http.path, "client",
				  summary_address(r->http.client_addr, r->http.client_port).s,
				  "ns", json_number(f->examples_ns[i]), "end_to_end_ns",
				  json_number(r->end_to_end_ns)));
	}
	return list;
}

static void add_detail(json_t *o, const struct model *m, const struct finding *f)
{
	if (f->cause == CAUSE_EXIT)
		json_object_set_new(o, "reason",
				    json_string(exit_kind_name((enum exit_kind)f->detail)));
	if (f->cause == CAUSE_CPU || f->cause == CAUSE_QUOTA || f->cause == CAUSE_WAKE)
		json_object_set_new(o, "task",
				    json_string(off_task_name((enum off_task)f->detail)));
	if (f->cause == CAUSE_CPU && f->actor)
		json_object_set_new(o, "rival", actor_json(&m->actors, f->actor));
}

static json_t *one(const struct finding *f)
{
	json_t *o = groups(f->slow_ns, f->usual_ns, f->slow_p50_ns, f->usual_p50_ns);

	json_object_set_new(o, "cause",
			    f->cause < CAUSE_COUNT ? json_string(cause_table[f->cause].name)
						   : json_null());
	json_object_set_new(o, "layer",
			    f->unattributed ? json_null() : json_string(layer_name(f->layer)));
	json_object_set_new(o, "direction",
			    json_string(direction_name(hop_table[f->hop].direction)));
	json_object_set_new(o, "hop", json_string(hop_table[f->hop].name));
	json_object_set_new(o, "hop_share", json_real(f->hop_share));
	return o;
}

static json_t *found(const struct model *m, const struct explanation *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->finding_count; i++) {
		const struct finding *f = &e->findings[i];
		json_t *o = one(f);

		json_object_set_new(o, "blamed", json_boolean(f->blamed));
		json_object_set_new(o, "more_ns", ns_of(f->more_ns));
		json_object_set_new(o, "share", json_real(f->share));
		json_object_set_new(o, "p", json_real(f->p));
		json_object_set_new(o, "in_slow", json_number(f->in_slow));
		add_detail(o, m, f);
		json_object_set_new(o, "examples", examples(f));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *usual(const struct explanation *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->usually_count; i++)
		json_array_append_new(list, one(&e->usually[i]));
	return list;
}

json_t *explain_json(const struct model *m, const struct explanation *e)
{
	json_t *doc = groups(e->slow_ns, e->usual_ns, e->slow_p50_ns, e->usual_p50_ns);

	json_object_set_new(doc, "schema", json_string("strata.explain/1"));
	json_object_set_new(doc, "verdict", json_string(explain_verdict_name(e->verdict)));
	json_object_set_new(doc, "place", json_string(place_name(m->place)));
	json_object_set_new(doc, "requests",
			    json_pack("{s:o,s:o,s:o,s:o}", "measured", json_number(m->measured),
				      "looked_at", json_number(e->requests), "slow",
				      json_number(e->slow), "usual", json_number(e->usual)));
	json_object_set_new(doc, "end_to_end",
			    json_pack("{s:o,s:o,s:o}", "p50_ns", json_number(e->p50_ns),
				      "p99_ns", json_number(e->p99_ns), "max_ns",
				      json_number(e->max_ns)));
	json_object_set_new(doc, "more_ns", ns_of(e->more_ns));
	json_object_set_new(doc, "known_share", json_real(e->known_share));
	json_object_set_new(doc, "layers", layers(e));
	json_object_set_new(doc, "unattributed",
			    groups(e->unattributed.slow_ns, e->unattributed.usual_ns,
				   e->unattributed.slow_p50_ns, e->unattributed.usual_p50_ns));
	json_object_set_new(doc, "findings", found(m, e));
	json_object_set_new(doc, "usually", usual(e));
	json_object_set_new(doc, "causes_told", json_boolean(m->causes_told));
	json_object_set_new(doc, "lost", json_number(model_lost(m)));
	json_object_set_new(doc, "causality_violations", json_number(m->violations));
	return doc;
}
