/* Empty qcow2 images of any geometry, for tests. */
#ifndef STRATA_TESTS_UNIT_VMM_QCOW2_MAKE_H
#define STRATA_TESTS_UNIT_VMM_QCOW2_MAKE_H

#include <stddef.h>
#include <stdint.h>

/* Over a raw image below; NULL: over none. */
void qcow2_make(const char *path, unsigned int cluster_bits, unsigned int order, uint64_t bytes,
		const char *below);

/* The same to memory; the caller frees it. */
uint8_t *qcow2_make_data(unsigned int cluster_bits, unsigned int order, uint64_t bytes,
			 const char *below, size_t *size);

#endif
