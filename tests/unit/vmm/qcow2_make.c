/* Header, refcount table, one refcount block, L1 table. */
#include "tests/unit/vmm/qcow2_make.h"

#include <stdio.h>
#include <stdlib.h>

#include "vmm/block/qcow2_entry.h"
#include "vmm/block/qcow2_header.h"

uint8_t *qcow2_make_data(unsigned int cluster_bits, unsigned int order, uint64_t bytes,
			 const char *below, size_t *size)
{
	uint64_t cluster = 1ULL << cluster_bits, clusters;
	struct qcow2_header h = {.cluster_bits = cluster_bits,
				 .refcount_order = order,
				 .bytes = bytes,
				 .l1_entries = (uint32_t)qcow2_l1_entries(bytes, cluster_bits),
				 .l1_offset = 3 * cluster,
				 .reftable_offset = cluster,
				 .reftable_clusters = 1};
	uint8_t *data;

	snprintf(h.backing, sizeof(h.backing), "%s", below ? below : "");
	snprintf(h.backing_format, sizeof(h.backing_format), "%s", below ? "raw" : "");
	clusters = 3 + (h.l1_entries * 8 + cluster - 1) / cluster;
	*size = clusters * cluster;
	data = calloc(1, *size);
	if (!data || qcow2_header_make(&h, data))
		abort();
	qcow2_put64(data + cluster, 2 * cluster);
	for (uint64_t i = 0; i < clusters; i++)
		qcow2_set_refcount(data + 2 * cluster, i, order, 1);
	return data;
}

void qcow2_make(const char *path, unsigned int cluster_bits, unsigned int order, uint64_t bytes,
		const char *below)
{
	size_t size;
	uint8_t *data = qcow2_make_data(cluster_bits, order, bytes, below, &size);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
	free(data);
}
