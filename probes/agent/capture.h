/*
 * The agent without eBPF: packet sockets on the guest's devices tell when each frame passed
 * them, and no more. On any kernel that has packet sockets.
 */
#ifndef STRATA_PROBES_AGENT_CAPTURE_H
#define STRATA_PROBES_AGENT_CAPTURE_H

#include "probes/probes.h"

struct capture;

/* On the configuration's devices; config and cb are borrowed. NULL with a sentence. */
struct capture *capture_open(const struct probes_config *config,
			     const struct probes_callbacks *cb);

/* Hand on what has come; never blocks. How many frames. */
int capture_poll(struct capture *c);

/* Frames lost so far, since the kernel's buffers were full. */
uint64_t capture_lost(struct capture *c);

/* Can it mark that hop? */
bool capture_marks(enum strata_hop hop);

void capture_close(struct capture *c);

#endif
