/*
 * Rivals: those that had the CPU while a task that carries requests waited, asked after while
 * they live. The kernel's event has a thread's number, name and cgroup number; of which process
 * it is one, in which cgroup and for which VM it works, traced or not, /proc says, and the
 * recording's META keeps.
 *
 * Threading: all calls from one thread at a time.
 */
#ifndef STRATA_TRACER_RIVALS_H
#define STRATA_TRACER_RIVALS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/event.h"
#include "tracer/topology.h"

struct rivals;

/* The topology is borrowed: what it calls a VM is that VM's name. NULL: out of memory. */
struct rivals *rivals_create(const struct topology *t);
void rivals_destroy(struct rivals *r);

/* Look at events of this machine's kernel; ask after those that are new, 256 at most: some
 * tens of microseconds each. */
void rivals_see(struct rivals *r, const struct strata_event *e, size_t count);

/* Are there some that rivals_meta() has not told of? */
bool rivals_news(const struct rivals *r);

/* A new reference, of META's "rivals": [{"tid", "comm", "pid", "process", "cgroup", "vm"}];
 * "" what is not known. */
json_t *rivals_meta(struct rivals *r);

#endif
