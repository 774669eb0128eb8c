/* eBPF or packet sockets: see watch.h. */
#include "probes/agent/watch.h"

int watch_open(struct watch *w, const struct survey *survey, const struct probes_callbacks *cb)
{
	if (survey->capture)
		w->capture = capture_open(&survey->config, cb);
	else
		w->probes = probes_open(&survey->config, cb);
	return watch_is_open(w) ? 0 : -1;
}

bool watch_is_open(const struct watch *w)
{
	return w->probes || w->capture;
}

int watch_poll(struct watch *w)
{
	return w->capture ? capture_poll(w->capture) : probes_poll(w->probes);
}

uint64_t watch_lost(struct watch *w)
{
	return w->capture ? capture_lost(w->capture) : probes_lost(w->probes);
}

size_t watch_report(struct watch *w, const struct probe_report **report)
{
	*report = NULL;
	return w->capture ? 0 : probes_report(w->probes, report);
}

bool watch_marks(const struct watch *w, enum strata_hop hop, bool *inferred)
{
	*inferred = false;
	return w->capture ? capture_marks(hop) : probes_hop_in_force(w->probes, hop, inferred);
}

bool watch_plaintext(const struct watch *w)
{
	return !w->capture && probes_plaintext(w->probes);
}

json_t *watch_drops_meta(struct watch *w)
{
	return w->capture ? json_array() : drops_meta(probes_drops(w->probes));
}

void watch_close(struct watch *w)
{
	if (w->capture)
		capture_close(w->capture);
	probes_close(w->probes);
	*w = (struct watch){0};
}
