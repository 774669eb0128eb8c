/*
 * Events, packed: an event says mostly what the one before it on its connection said. Before
 * zstd sees them, each is
 *
 *   a byte    bit 0: another slot than the event before, else the same; bits 1 to 7: which of
 *             its 64-bit words but the time differ from the last event in that slot
 *   a byte    the slot, if it is another
 *   1 to 10   the time, as a signed difference from the event before (LEB128 of the zigzag)
 *   2 to 9    each word that differs: a byte that tells which of its bytes do, and those
 *
 * Slots are chosen by the flow; in each is what the last event there was, at first all zero. It
 * takes a third of the time of compressing the events themselves, most of which is zstd's, and
 * a third of the bytes.
 */
#ifndef STRATA_LIB_EVENT_PACK_H
#define STRATA_LIB_EVENT_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

/* What n events take at most. */
static inline size_t event_pack_bound(size_t n)
{
	return n * (1 + 1 + 10 + 7 * (1 + sizeof(uint64_t)));
}

/* n events from events, which need not be aligned, into out. How many bytes that took. */
size_t event_pack(const void *events, size_t n, uint8_t *out);

/* Exactly n events from bytes of packed ones into events, which need not be aligned. -1: they
 * are no such thing, or not so many; err_text() is not set. */
int event_unpack(const uint8_t *packed, size_t bytes, void *events, size_t n);

/* The same of events as recordings of version 2 have them packed: one slot, a byte that tells
 * which words differ, the time, the words. */
int event_unpack_2(const uint8_t *packed, size_t bytes, void *events, size_t n);

#endif
