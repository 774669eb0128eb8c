/*
 * Packets that a kernel dropped: counted by reason and place, and found for the requests whose
 * bytes they carried.
 */
#ifndef STRATA_TRACER_DROPS_H
#define STRATA_TRACER_DROPS_H

#include "tracer/model.h"
#include "tracer/reorder.h"

struct drops_seen;

/* Of so many connections the latest are remembered. */
struct drops_seen *drops_seen_create(size_t flows_max);
void drops_seen_destroy(struct drops_seen *d);

/* A CONTEXT_DROP. -1 with a sentence if memory is short. */
int drops_seen_add(struct drops_seen *d, struct model *m, const struct observation *o);

/* Those that carried bytes of this request or its reply; for the connection's requests in
 * order.
 */
void drops_seen_join(struct drops_seen *d, struct request *r);

/* "NETFILTER_DROP in nf_hook_slow", as far as the kernel that dropped has told; numbers if not.
 */
void drop_text(const struct model *m, const struct drop *drop, char *text, size_t size);

/* The names alone; NULL: not told. */
const char *drop_reason(const struct model *m, const struct drop *drop);
const char *drop_place(const struct model *m, const struct drop *drop);

#endif
