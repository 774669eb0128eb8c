/*
 * The back end without eBPF: libpcap on every device of a topology. It tells when each frame
 * passed each device, and no more; on any kernel that has packet sockets. What is between two
 * devices is one layer.
 *
 * Threading: a capture belongs to one thread at a time.
 */
#ifndef STRATA_TRACER_CAPTURE_H
#define STRATA_TRACER_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "probes/probes.h"
#include "tracer/filter.h"
#include "tracer/topology.h"

struct capture;

/* wire: index of the device whose payload is handed on. filter is borrowed. NULL with a
 * sentence. */
struct capture *capture_open(const struct topology *t, unsigned int wire,
			     const struct filter *filter, const struct probes_callbacks *cb);

/* Hand on what has come; never blocks. -1 with a sentence. */
int capture_poll(struct capture *c);

/* Wait until the kernel has handed over what it holds back to hand over more at once. */
void capture_settle(void);

/* Frames lost so far, since the kernel's buffers were full. */
uint64_t capture_lost(const struct capture *c);

/* Can it mark that hop? */
bool capture_marks(const struct capture *c, enum strata_hop hop);

/* As the recording's META lists probes: one for each device. A new reference. */
json_t *capture_meta(const struct capture *c);

void capture_close(struct capture *c);

#endif
