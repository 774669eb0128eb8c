/*
 * Rounds of load: the client's requests, sent by strata-load from the client's namespace,
 * and what the client itself measured of them.
 */
#ifndef STRATA_SCENARIOS_LAB_ROUNDS_H
#define STRATA_SCENARIOS_LAB_ROUNDS_H

#include <jansson.h>

#include "scenarios/lab/lab.h"

/*
 * Send count requests for path. samples_path, if not NULL, gets one JSON line per request.
 * Returns strata-load's JSON document (strata.load/1), the caller's; NULL with a sentence if
 * it failed or any request did, which tells what became of the server, too.
 */
json_t *round_run(struct lab *lab, const char *path, int count, const char *samples_path);

/* A figure of such a document: "latency_ns" or "resolution_ns", "p50" and so on; -1 if it is
 * not there. */
long long round_figure(const json_t *round, const char *what, const char *key);

#endif
