/*
 * Entries of qcow2's tables, all big-endian: where they point to, what they say, what may not
 * be set in them. Pure.
 *
 * Source: QEMU, docs/interop/qcow2.txt, "Cluster mapping" and "Host cluster management".
 */
#ifndef STRATA_VMM_BLOCK_QCOW2_ENTRY_H
#define STRATA_VMM_BLOCK_QCOW2_ENTRY_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define QCOW2_OWNED      (1ULL << 63) /* L1, L2: the refcount is exactly one */
#define QCOW2_COMPRESSED (1ULL << 62) /* L2 */
#define QCOW2_ZEROES     1ULL         /* L2, version 3 */

#define QCOW2_OFFSET_MASK       0x00fffffffffffe00ULL
#define QCOW2_L1_RESERVED       (~(QCOW2_OWNED | QCOW2_OFFSET_MASK))
#define QCOW2_L2_RESERVED       (~(QCOW2_OWNED | QCOW2_COMPRESSED | QCOW2_OFFSET_MASK | QCOW2_ZEROES))
#define QCOW2_REFTABLE_RESERVED 0x1ffULL

static inline uint32_t qcow2_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t qcow2_get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void qcow2_put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void qcow2_put64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/* A compressed cluster's place: any byte of the file, and up to two clusters of it. */
static inline uint64_t qcow2_packed_offset(uint64_t entry, unsigned int cluster_bits)
{
	return entry & ((1ULL << (62 - (cluster_bits - 8))) - 1);
}

static inline uint32_t qcow2_packed_bytes(uint64_t entry, unsigned int cluster_bits)
{
	unsigned int shift = 62 - (cluster_bits - 8);
	uint64_t sectors = ((entry & ~(QCOW2_OWNED | QCOW2_COMPRESSED)) >> shift) + 1;

	return (uint32_t)(sectors * 512 - (entry & 511));
}

/* Refcounts number index of a block: 1 << order bits each, order at most 6. */
static inline uint64_t qcow2_refcount(const uint8_t *block, uint64_t index, unsigned int order)
{
	const uint8_t *p = block + (index << order) / 8;
	uint64_t value = 0;

	if (order < 3)
		return (*p >> ((index << order) % 8)) & ((1U << (1U << order)) - 1);
	for (unsigned int i = 0; i < 1U << (order - 3); i++)
		value = value << 8 | p[i];
	return value;
}

static inline void qcow2_set_refcount(uint8_t *block, uint64_t index, unsigned int order,
				      uint64_t value)
{
	uint8_t *p = block + (index << order) / 8;
	unsigned int shift = (index << order) % 8, bytes = 1U << (order < 3 ? 0 : order - 3);
	unsigned int mask = order < 3 ? ((1U << (1U << order)) - 1) << shift : 0;

	if (order < 3) {
		*p = (uint8_t)((*p & ~mask) | (value << shift & mask));
		return;
	}
	for (unsigned int i = bytes; i--; value >>= 8)
		p[i] = (uint8_t)value;
}

#endif
