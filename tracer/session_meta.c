/* What a recording says of its session: the environment, the probes in force, the agents'
 * answers. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/environment.h"
#include "lib/now.h"
#include "lib/threads.h"
#include "tracer/kinds.h"
#include "tracer/session_state.h"

static bool agent_marks(const struct session *s, const char *list, const char *hop)
{
	const char *domain;
	json_t *answer, *name;
	size_t i;

	json_object_foreach (s->answers, domain, answer) {
		json_array_foreach (json_object_get(answer, list), i, name) {
			if (!strcmp(json_string_value(name) ? json_string_value(name) : "",
				    hop))
				return true;
		}
	}
	return false;
}

static bool vmm_marks(const struct session *s, enum strata_hop hop)
{
	return (hop == HOP_VMM_RX_READ || hop == HOP_VMM_RX_PUBLISH || hop == HOP_VMM_TX_POP) &&
	       s->topology.vm_count && s->topology.vms[0].ring_path[0];
}

/* Of a VM without an agent the guest as a whole follows from the hops around it. */
static bool marks_itself(const struct session *s, enum strata_hop hop)
{
	for (unsigned int i = 0; hop == HOP_GUEST && i < s->topology.vm_count; i++) {
		char key[12];

		snprintf(key, sizeof(key), "%u", i + 1);
		if (!s->topology.vms[i].bystander && !json_object_get(s->answers, key))
			return true;
	}
	return false;
}

static json_t *hops_meta(const struct session *s)
{
	json_t *force = json_array(), *inferred = json_array();

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		const char *name = hop_table[hop].name;
		/* a capture cannot tell the guest from its VMM */
		bool guess = hop == HOP_GUEST && s->watch.capture;

		if (!(hop_table[hop].places & s->topology.place))
			continue;
		if (!watch_marks(&s->watch, (enum strata_hop)hop, &guess) &&
		    !vmm_marks(s, (enum strata_hop)hop) && !agent_marks(s, "hops", name) &&
		    !marks_itself(s, (enum strata_hop)hop))
			continue;
		json_array_append_new(force, json_string(name));
		if (guess || agent_marks(s, "inferred", name))
			json_array_append_new(inferred, json_string(name));
	}
	return json_pack("{s:o,s:o}", "in_force", force, "inferred", inferred);
}

static bool hands_on_plaintext(const struct session *s)
{
	const char *domain;
	json_t *answer;

	json_object_foreach (s->answers, domain, answer)
		if (json_is_true(json_object_get(answer, "plaintext")))
			return true;
	return watch_plaintext(&s->watch);
}

int session_write_start(struct session *s)
{
	json_t *meta = topology_meta(&s->topology);
	char filter[FILTER_TEXT_MAX];
	uint64_t now = now_ns();
	int result;

	if (!s->attach_ns)
		s->attach_ns = now - s->asked_ns;
	json_object_set_new(meta, "testbed", json_boolean(environment_is_testbed()));
	json_object_set_new(meta, "environment", environment_capture());
	json_object_set_new(meta, "plaintext", json_boolean(hands_on_plaintext(s)));
	if (s->options.protocol)
		json_object_set_new(meta, "protocol", json_string(s->options.protocol));
	if (s->filter.sample > 1)
		json_object_set_new(meta, "sample", json_integer(s->filter.sample));
	json_object_set_new(meta, "hops", hops_meta(s));
	json_object_set_new(meta, "event_kinds", kinds_meta());
	json_object_set_new(meta, "backend", json_string(watch_name(&s->watch)));
	json_object_set_new(meta, "probes", watch_probes_meta(&s->watch));
	json_object_set(meta, "agents", s->answers);
	json_object_set_new(meta, "ksoftirqd", threads_ksoftirqd());
	json_object_set_new(meta, "rivals", rivals_meta(s->rivals));
	if (s->options.flight_bytes)
		json_object_set_new(meta, "flight_recorder_bytes",
				    json_integer((json_int_t)s->options.flight_bytes));
	filter_text(&s->filter, filter, sizeof(filter));
	json_object_set_new(meta, "filter", json_string(filter));
	json_object_set_new(meta, "started_ns", json_integer((json_int_t)now));
	json_object_set_new(meta, "attach_ns", json_integer((json_int_t)s->attach_ns));
	json_object_set_new(meta, "realtime_offset_ns",
			    json_integer(-clock_realtime_to_monotonic_ns()));
	result = recording_meta(s->recording, meta);
	json_decref(meta);
	return result;
}

int session_write_end(struct session *s, json_t *meta, uint64_t ended_ns)
{
	json_object_set_new(meta, "rivals", rivals_meta(s->rivals));
	json_object_set_new(meta, "ended_ns", json_integer((json_int_t)ended_ns));
	json_object_set_new(meta, "detach_ns", json_integer((json_int_t)(now_ns() - ended_ns)));
	json_object_set(meta, "agents", s->answers);
	return recording_meta(s->recording, meta);
}
