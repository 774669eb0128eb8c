/*
 * A longer refcount table. Images of small clusters start with one that counts a few megabytes;
 * it is made long enough once, when the image is opened, so that nobody needs to while the
 * guest runs. The new table and the refcount blocks that count it are behind the file's end;
 * they are the image's when the header says so, and that is one write of one sector.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"

struct growth {
	struct qcow2 *q;
	uint8_t *table; /* the new one */
	uint64_t clusters, entries;
	uint64_t first, end; /* clusters behind the file's end that are used up */
};

static unsigned int block_bits(const struct qcow2 *q)
{
	return q->h.cluster_bits + 3 - q->h.refcount_order;
}

/* Clusters of a file in which everything is allocated that can be, snapshots kept. */
static uint64_t clusters_at_most(const struct qcow2 *q)
{
	uint64_t data = (q->bytes + q->cluster - 1) >> q->h.cluster_bits;
	uint64_t tables = data / (q->cluster / 8) + 1, all = q->alloc.end + data + tables;

	return all + (all >> block_bits(q)) + 1;
}

static uint64_t table_clusters(const struct qcow2 *q, uint64_t clusters)
{
	uint64_t most = QCOW2_REFTABLE_BYTES_MAX >> q->h.cluster_bits;
	uint64_t per_cluster = q->cluster / 8 << block_bits(q), n = clusters / per_cluster + 1;

	n += n / per_cluster + 1; /* it counts itself, too */
	return n < most ? n : most;
}

static int transfer(struct qcow2 *q, enum disk_op op, uint64_t offset, void *data, size_t bytes)
{
	int r = file_transfer(q->own.file, op, offset, data, bytes);

	errno = r;
	return r ? err_errno("its refcounts cannot be %s", op == DISK_READ ? "read" : "written")
		 : 0;
}

/* Count one cluster up or down in its block. */
static int count(struct qcow2 *q, uint64_t block, uint64_t cluster, int how)
{
	uint64_t bit = (cluster & ((1ULL << block_bits(q)) - 1)) << q->h.refcount_order;
	uint64_t at = block + bit / 64 * 8, index = bit % 64 >> q->h.refcount_order, value;
	uint8_t word[8];

	if (transfer(q, DISK_READ, at, word, sizeof(word)))
		return -1;
	value = qcow2_refcount(word, index, q->h.refcount_order);
	if (how < 0 && !value)
		return 0;
	qcow2_set_refcount(word, index, q->h.refcount_order, how < 0 ? value - 1 : 1);
	return transfer(q, DISK_WRITE, at, word, sizeof(word));
}

static int add_block(struct growth *g, uint64_t index)
{
	struct qcow2 *q = g->q;
	uint8_t *zeroes = calloc(1, q->cluster);
	uint64_t offset = g->end++ << q->h.cluster_bits;
	int r;

	if (!zeroes)
		return err_errno("no memory");
	r = transfer(q, DISK_WRITE, offset, zeroes, q->cluster);
	free(zeroes);
	qcow2_put64(g->table + index * 8, offset);
	return r;
}

/* Count the table, and the blocks that this takes, and the blocks that those take. */
static int count_new(struct growth *g)
{
	struct qcow2 *q = g->q;

	for (uint64_t c = g->first; c < g->end; c++) {
		uint64_t index = c >> block_bits(q), block;

		if (index >= g->entries)
			return err_set("its refcount table would get too long");
		if (!qcow2_get64(g->table + index * 8) && add_block(g, index))
			return -1;
		block = qcow2_get64(g->table + index * 8);
		if (block & QCOW2_REFTABLE_RESERVED || block % q->cluster ||
		    block >> q->h.cluster_bits >= g->end)
			return err_set("its refcount table is damaged");
		if (count(q, block, c, 1))
			return -1;
	}
	return 0;
}

static int switch_over(struct growth *g)
{
	struct qcow2 *q = g->q;
	uint64_t old = q->h.reftable_offset >> q->h.cluster_bits;
	uint32_t old_clusters = q->h.reftable_clusters;
	uint8_t field[12];

	qcow2_put64(field, g->first << q->h.cluster_bits);
	qcow2_put32(field + 8, (uint32_t)g->clusters);
	if (transfer(q, DISK_WRITE, g->first << q->h.cluster_bits, g->table,
		     g->clusters << q->h.cluster_bits) ||
	    transfer(q, DISK_FLUSH, 0, NULL, 0) ||
	    transfer(q, DISK_WRITE, QCOW2_AT_REFTABLE, field, sizeof(field)) ||
	    transfer(q, DISK_FLUSH, 0, NULL, 0))
		return -1;
	q->h.reftable_offset = g->first << q->h.cluster_bits;
	q->h.reftable_clusters = (uint32_t)g->clusters;
	q->alloc.end = g->end;
	q->alloc.limit = qcow2_refcount_limit(q);
	for (uint64_t c = old; c < old + old_clusters; c++) {
		uint64_t index = c >> block_bits(q);
		uint64_t block = index < g->entries ? qcow2_get64(g->table + index * 8) : 0;

		if (block && count(q, block, c, -1))
			return -1;
	}
	return 0;
}

static int grow(struct growth *g)
{
	struct qcow2 *q = g->q;

	if (transfer(q, DISK_READ, q->h.reftable_offset, g->table,
		     (size_t)q->h.reftable_clusters << q->h.cluster_bits) ||
	    count_new(g))
		return -1;
	return switch_over(g);
}

int qcow2_grow(struct qcow2 *q)
{
	struct growth g = {.q = q, .first = q->alloc.end};
	int ret;

	g.clusters = table_clusters(q, clusters_at_most(q));
	if (q->alloc.fixed_end || q->alloc.limit >= clusters_at_most(q) ||
	    g.clusters <= q->h.reftable_clusters)
		return 0;
	g.end = g.first + g.clusters;
	g.entries = g.clusters << (q->h.cluster_bits - 3);
	g.table = calloc(g.clusters, q->cluster);
	if (!g.table)
		return err_errno("no memory");
	ret = grow(&g);
	free(g.table);
	return ret;
}
