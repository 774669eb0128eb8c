/*
 * A group: systems that are up at the same time, one or several. Each benchmark is taken from
 * all of them, in turns; a sample is the median of its turns. So what the machine underneath
 * does meanwhile, which may change from one second to the next, meets all systems of a group
 * alike.
 *
 * Threading: one thread.
 */
#ifndef STRATA_BENCH_SUITE_GROUP_H
#define STRATA_BENCH_SUITE_GROUP_H

#include "bench/suite/session.h"
#include "lib/random.h"

/* Bring these up, take what is due of them in this round, and take them down. What a system or
 * a benchmark cannot do is noted in its tasks. */
void group_visit(struct session *s, const struct subject *const *list, unsigned int count,
		 unsigned int round, struct random *r);

/* Is there still something to take of this subject in this round? */
bool group_due(const struct session *s, const struct subject *subject, unsigned int round);

#endif
