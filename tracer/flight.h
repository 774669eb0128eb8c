/*
 * A flight recorder's eye: which parts of a recording are to stay, because a request that is
 * wanted (by its time, its status, its path) went through then. It looks at the wire while the
 * recording is written; a request's time is that on the wire, from its first byte to its
 * reply's last.
 *
 * Threading: as the recording.
 */
#ifndef STRATA_TRACER_FLIGHT_H
#define STRATA_TRACER_FLIGHT_H

#include "lib/event.h"
#include "lib/recording.h"
#include "tracer/exchanges.h"
#include "tracer/filter.h"

struct flight;

/* All is borrowed. NULL with a sentence. */
struct flight *flight_create(const struct filter *f, enum protocol protocol,
			     struct recording_writer *w);
void flight_destroy(struct flight *f);

/* A record that was put into the recording, of whichever clock; one clock for all. -1 with a
 * sentence. */
int flight_wire(struct flight *f, const struct strata_wire *w);

/* Judge what is complete by now (CLOCK_MONOTONIC). -1 with a sentence. */
int flight_until(struct flight *f, uint64_t now_ns);

#endif
