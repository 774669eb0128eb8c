/*
 * Counters that one thread writes and any thread reads: a plain add, made safe to read
 * meanwhile. No atomic read-modify-write, so it costs nothing on the data path.
 */
#ifndef STRATA_VMM_VIRTIO_COUNTER_H
#define STRATA_VMM_VIRTIO_COUNTER_H

#include <stdint.h>

static inline void counter_add(uint64_t *c, uint64_t n)
{
	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
