/*
 * Who looks at this guest for the agent: eBPF, or where the host asked for none, packet
 * sockets.
 */
#ifndef STRATA_PROBES_AGENT_WATCH_H
#define STRATA_PROBES_AGENT_WATCH_H

#include <jansson.h>

#include "probes/agent/capture.h"
#include "probes/agent/survey.h"

struct watch {
	struct probes *probes; /* one of the two; NULL and NULL: nobody */
	struct capture *capture;
};

/* survey is borrowed until watch_close(). -1 with a sentence. */
int watch_open(struct watch *w, const struct survey *survey, const struct probes_callbacks *cb);
bool watch_is_open(const struct watch *w);

/* As those of probes/probes.h. */
int watch_poll(struct watch *w);
uint64_t watch_lost(struct watch *w);
size_t watch_report(struct watch *w, const struct probe_report **report);
bool watch_marks(const struct watch *w, enum strata_hop hop, bool *inferred);
bool watch_plaintext(const struct watch *w);

/* A new reference. */
json_t *watch_drops_meta(struct watch *w);

void watch_close(struct watch *w);

#endif
