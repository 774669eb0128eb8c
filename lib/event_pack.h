/*
 * Events, packed: an event says mostly what the one before it said. Before zstd sees them, each
 * is a byte that tells which of its eight 64-bit words differ from the event before, the time
 * as a signed difference (LEB128 of the zigzag), and the words that differ. It takes half the
 * time of compressing the events themselves, and half the bytes.
 */
#ifndef STRATA_LIB_EVENT_PACK_H
#define STRATA_LIB_EVENT_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

/* What n events take at most. */
static inline size_t event_pack_bound(size_t n)
{
	return n * (1 + 10 + 7 * sizeof(uint64_t));
}

/* n events from events, which need not be aligned, into out. How many bytes that took. */
size_t event_pack(const void *events, size_t n, uint8_t *out);

/* Exactly n events from bytes of packed ones into events, which need not be aligned. -1: they
 * are no such thing, or not so many; err_text() is not set. */
int event_unpack(const uint8_t *packed, size_t bytes, void *events, size_t n);

#endif
