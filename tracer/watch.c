/* Who looks at this machine: see watch.h. */
#include "tracer/watch.h"

#include "probes/drops.h"

int watch_open_probes(struct watch *w, const struct probes_config *config,
		      const struct probes_callbacks *cb)
{
	w->probes = probes_open(config, cb);
	return w->probes ? 0 : -1;
}

int watch_open_capture(struct watch *w, const struct topology *t, unsigned int wire,
		       const struct filter *filter, const struct probes_callbacks *cb)
{
	w->capture = capture_open(t, wire, filter, cb);
	return w->capture ? 0 : -1;
}

int watch_poll(struct watch *w)
{
	int n = w->capture ? capture_poll(w->capture) : probes_poll(w->probes);

	return n < 0 ? -1 : 0;
}

int watch_poll_last(struct watch *w)
{
	if (w->capture)
		capture_settle();
	return watch_poll(w);
}

uint64_t watch_lost(const struct watch *w)
{
	return w->capture ? capture_lost(w->capture) : probes_lost(w->probes);
}

bool watch_marks(const struct watch *w, enum strata_hop hop, bool *inferred)
{
	return w->capture ? capture_marks(w->capture, hop)
			  : probes_hop_in_force(w->probes, hop, inferred);
}

bool watch_plaintext(const struct watch *w)
{
	return w->probes && probes_plaintext(w->probes);
}

json_t *watch_probes_meta(struct watch *w)
{
	json_t *list = json_array();
	const struct probe_report *r;
	size_t n;

	if (w->capture) {
		json_decref(list);
		return capture_meta(w->capture);
	}
	n = probes_report(w->probes, &r);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:i,s:s,s:b,s:s,s:I,s:I}", "domain", 0, "name",
					r[i].name, "attached", r[i].attached, "why_not",
					r[i].why_not, "runs", (json_int_t)r[i].runs,
					"run_time_ns", (json_int_t)r[i].run_time_ns));
	return list;
}

json_t *watch_drops_meta(struct watch *w)
{
	return w->capture ? json_array() : drops_meta(probes_drops(w->probes));
}

const char *watch_name(const struct watch *w)
{
	return w->capture ? "pcap" : "ebpf";
}

void watch_close(struct watch *w)
{
	if (w->capture)
		capture_close(w->capture);
	if (w->probes)
		probes_close(w->probes);
	w->capture = NULL;
	w->probes = NULL;
}
