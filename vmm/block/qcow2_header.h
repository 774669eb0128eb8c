/*
 * The header of a qcow2 image: what it says, whether we understand it, and how to make one.
 * Pure: bytes in, a struct or a sentence out.
 *
 * Source: QEMU, docs/interop/qcow2.txt, "Header" and "Header extensions". Versions 2 and 3.
 */
#ifndef STRATA_VMM_BLOCK_QCOW2_HEADER_H
#define STRATA_VMM_BLOCK_QCOW2_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QCOW2_MAGIC              0x514649fbU
#define QCOW2_HEADER_BYTES_MIN   72
#define QCOW2_CLUSTER_BITS_MIN   9
#define QCOW2_CLUSTER_BITS_MAX   21
#define QCOW2_NAME_MAX           1023
#define QCOW2_L1_BYTES_MAX       (32U << 20)
#define QCOW2_REFTABLE_BYTES_MAX (8U << 20)
#define QCOW2_OFFSET_MAX         (1ULL << 56) /* of anything in the file */

/* Where fields stand that are written alone. */
#define QCOW2_AT_REFTABLE  48 /* its offset and, behind it, its clusters */
#define QCOW2_AT_AUTOCLEAR 88

struct qcow2_header {
	unsigned int version;
	unsigned int cluster_bits;
	unsigned int refcount_order; /* a refcount has 1 << this bits */
	uint64_t bytes;              /* of the disk */
	uint64_t l1_offset;
	uint32_t l1_entries;
	uint64_t reftable_offset;
	uint32_t reftable_clusters;
	uint32_t snapshots;
	uint64_t autoclear;
	bool dirty; /* refcounts are not to be trusted */
	bool corrupt;
	bool zstd;                        /* compressed clusters are; else deflate */
	char backing[QCOW2_NAME_MAX + 1]; /* "": none */
	char backing_format[16];          /* "": not said */
};

bool qcow2_is(const uint8_t *head, size_t bytes);

/*
 * Of bytes, the first cluster of the image (or what there is of it). Refuses with a sentence
 * what is damaged, and what we do not understand: reading it anyway would give wrong data.
 */
int qcow2_header_parse(struct qcow2_header *h, const uint8_t *data, size_t bytes);

/* The size of a cluster by the header's first bytes, or 0. */
uint64_t qcow2_header_cluster_bytes(const uint8_t *data, size_t bytes);

/* Write h (version 3, deflate) to data, one cluster of zeroes. Fails if the names do not fit.
 */
int qcow2_header_make(const struct qcow2_header *h, uint8_t *data);

/* L1 entries that a disk of so many bytes needs. */
uint64_t qcow2_l1_entries(uint64_t bytes, unsigned int cluster_bits);

#endif
