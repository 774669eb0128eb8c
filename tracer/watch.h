/*
 * Who looks at this machine for a session: eBPF, or where there is none, or it is not wanted,
 * libpcap, which tells when frames passed devices and nothing else.
 */
#ifndef STRATA_TRACER_WATCH_H
#define STRATA_TRACER_WATCH_H

#include <jansson.h>

#include "probes/probes.h"
#include "tracer/capture.h"

struct watch {
	struct probes *probes; /* one of the two */
	struct capture *capture;
};

/* -1 with a sentence. */
int watch_open_probes(struct watch *w, const struct probes_config *config,
		      const struct probes_callbacks *cb);
int watch_open_capture(struct watch *w, const struct topology *t, unsigned int wire,
		       const struct filter *filter, const struct probes_callbacks *cb);

/* Hand on what has gathered; never blocks. -1 with a sentence. */
int watch_poll(struct watch *w);

/* The last time: what is still held back somewhere, too. */
int watch_poll_last(struct watch *w);

/* Events lost so far. */
uint64_t watch_lost(const struct watch *w);

/* Can it mark that hop? inferred: only by a neighbour. */
bool watch_marks(const struct watch *w, enum strata_hop hop, bool *inferred);

/* Does it hand on what nginx reads and writes inside TLS? */
bool watch_plaintext(const struct watch *w);

/* As the recording's META lists probes, and drops at the end. New references. */
json_t *watch_probes_meta(struct watch *w);
json_t *watch_drops_meta(struct watch *w);

/* "ebpf" or "pcap" */
const char *watch_name(const struct watch *w);

void watch_close(struct watch *w);

#endif
