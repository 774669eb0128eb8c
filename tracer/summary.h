/*
 * What the model's figures add up to: shares, what is missing most, and which one request
 * shows best how they all went.
 */
#ifndef STRATA_TRACER_SUMMARY_H
#define STRATA_TRACER_SUMMARY_H

#include "tracer/model.h"

/* Can this layer take time in that direction here? What cannot is not shown as 0. */
bool summary_layer_here(const struct model *m, enum strata_layer layer,
			enum strata_direction d);

/* That layer's part (0..1) of all time end to end; and the unattributed slice's. */
double summary_share(const struct model *m, enum strata_layer layer, enum strata_direction d);
double summary_unattributed_share(const struct model *m);

/* The complete request that is closest to the median in every layer; NULL if there is none.
 * Sorts the figures, hence not const. */
const struct request *summary_typical(struct model *m);

/* What is known of why no request was seen at all; NULL if one was. */
const char *summary_why_none(const struct model *m);

/* The hop that partial requests lack most often; -1 if none lacks any. */
int summary_most_missing(const struct model *m);

/*
 * What tracing itself cost, a new reference: what the recording says was measured at the
 * client, and, where the kernels timed the probes, their run time per request. NULL if neither
 * is known.
 */
json_t *summary_overhead(const struct model *m);

/* The mean; 0 if there is none: ask count first. */
double summary_mean(const struct quantile *q);

/* Kinds of exits that requests had, most frequent first. Returns how many. */
size_t summary_exits(const struct model *m, enum exit_kind kinds[EXIT_KINDS]);

/* How many frames with bytes of requests an interrupt brought, of those that brought any: more
 * than one where interrupts are held back, or polling went on. The host's NIC's and the
 * guests'; 0 if nobody saw one. */
double summary_frames_per_irq(const struct model *m, bool guest);

/* CPU time that a guest's kernel says it was not given (steal), all its CPUs together, while it
 * was traced; -1 if it did not say. */
json_int_t summary_steal_ms(const struct model *m, unsigned int domain);

/* One cause at all hops together; requests counts a request once for each hop. */
struct model_cause summary_cause(const struct model *m, enum cause cause);

/* Who ran instead, who had most first: indices into m->actors.at[]. Returns how many. */
size_t summary_rivals(const struct model *m, uint16_t *actors, size_t max);

/* "10.77.0.100:4242", "[fd00::1]:4242" */
struct summary_address {
	char s[64];
};
struct summary_address summary_address(const uint8_t addr[16], uint16_t port);

#endif
