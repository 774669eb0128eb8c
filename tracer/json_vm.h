/* The part of the JSON document that tells of vCPUs, virtqueues and interrupts, each by itself.
 */
#ifndef STRATA_TRACER_JSON_VM_H
#define STRATA_TRACER_JSON_VM_H

#include <jansson.h>

#include "tracer/model.h"

/* Arrays; empty where nobody told of any. */
json_t *json_vcpus(const struct model *m);
json_t *json_queues(struct model *m);

/* Interrupts that may be the network cards' (tracer/messages.h). */
json_t *json_messages(const struct model *m);

#endif
