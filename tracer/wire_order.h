/* Wire records in time order: as tracer/reorder.h, for the larger records of the wire. */
#ifndef STRATA_TRACER_WIRE_ORDER_H
#define STRATA_TRACER_WIRE_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

struct wire_order;

struct wire_order *wire_order_create(size_t capacity,
				     int (*release)(void *ctx, const struct strata_wire *w),
				     void *ctx);
int wire_order_add(struct wire_order *o, const struct strata_wire *w);
/* Let go of all records up to that time. */
int wire_order_until(struct wire_order *o, uint64_t time_ns);
int wire_order_flush(struct wire_order *o);
void wire_order_destroy(struct wire_order *o);

#endif
