/* Does the web server of a system answer? */
#ifndef STRATA_BENCH_PEERS_ANSWER_H
#define STRATA_BENCH_PEERS_ANSWER_H

#include <stdbool.h>

/* Ask http://ADDRESS/ once, from that network namespace: is it answered, and the answer that it
 * is there (200)? Takes a second at most. */
bool answer_once(int netns, const char *address);

#endif
