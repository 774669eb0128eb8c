/*
 * From bytes of the guest to bytes of the file: L1 and L2 tables. Every entry is checked when
 * it is used: the file may come from anyone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

#define ENTRY_BYTES 8

int qcow2_damaged(struct qcow2 *q, const char *what, uint64_t where)
{
	if (!q->said_damaged)
		fprintf(stderr,
			"strata-vmm: disk %s: the image is damaged: %s (0x%llx); the guest gets "
			"I/O errors there. qemu-img check tells more\n",
			q->path, what, (unsigned long long)where);
	q->said_damaged = true;
	return EIO;
}

bool qcow2_is_fixed(const struct qcow2 *q, uint64_t cluster)
{
	unsigned int bits = q->h.cluster_bits;
	uint64_t l1 = q->h.l1_offset >> bits, reftable = q->h.reftable_offset >> bits;
	uint64_t l1_bytes = (uint64_t)q->h.l1_entries * ENTRY_BYTES;

	return !cluster ||
	       (cluster >= l1 && cluster - l1 < (l1_bytes + q->cluster - 1) >> bits) ||
	       (cluster >= reftable && cluster - reftable < q->h.reftable_clusters);
}

bool qcow2_is_cluster(const struct qcow2 *q, uint64_t offset)
{
	uint64_t cluster = offset >> q->h.cluster_bits;

	return offset % q->cluster == 0 && cluster < q->alloc.end &&
	       !qcow2_is_fixed(q, cluster);
}

int qcow2_entry(struct qcow2 *q, uint64_t table, uint64_t index, struct qcow2_task *t,
		struct qcow2_page **p, uint32_t *at)
{
	uint64_t where = table + index * ENTRY_BYTES;

	*at = (uint32_t)(where % q->pages.bytes);
	return qcow2_page(q, where, t, p);
}

static unsigned int l2_bits(const struct qcow2 *q)
{
	return q->h.cluster_bits - 3;
}

static uint64_t l1_index(const struct qcow2 *q, uint64_t offset)
{
	return offset >> (q->h.cluster_bits + l2_bits(q));
}

static uint64_t l2_index(const struct qcow2 *q, uint64_t offset)
{
	return (offset >> q->h.cluster_bits) & ((1ULL << l2_bits(q)) - 1);
}

uint64_t qcow2_reach(const struct qcow2 *q, uint64_t offset)
{
	uint64_t page = q->pages.bytes / ENTRY_BYTES * q->cluster;

	return page - offset % page;
}

/* The L1 entry for offset, and the L2 table it points to, or 0. */
static int find_l2(struct qcow2 *q, uint64_t offset, struct qcow2_task *t, uint64_t *entry,
		   uint64_t *table)
{
	struct qcow2_page *p;
	uint32_t at;
	int r = qcow2_entry(q, q->h.l1_offset, l1_index(q, offset), t, &p, &at);

	if (r)
		return r;
	*entry = qcow2_get64(p->data + at);
	*table = *entry & QCOW2_OFFSET_MASK;
	if (*entry & QCOW2_L1_RESERVED || (*table && !qcow2_is_cluster(q, *table)) ||
	    (!*table && *entry))
		return qcow2_damaged(q, "an L1 entry points nowhere", *entry);
	return 0;
}

static int decode_packed(struct qcow2 *q, uint64_t entry, struct qcow2_extent *e)
{
	unsigned int bits = q->h.cluster_bits;

	e->kind = QCOW2_PACKED;
	e->host = qcow2_packed_offset(entry, bits);
	e->packed_bytes = qcow2_packed_bytes(entry, bits);
	if (e->host < q->cluster || e->host >= QCOW2_OFFSET_MAX ||
	    (e->host + e->packed_bytes - 1) >> bits >= q->alloc.end)
		return qcow2_damaged(q, "a compressed cluster is nowhere", entry);
	return 0;
}

static int decode(struct qcow2 *q, uint64_t entry, struct qcow2_extent *e)
{
	*e = (struct qcow2_extent){.bytes = q->cluster};
	if (entry & QCOW2_COMPRESSED)
		return decode_packed(q, entry, e);
	e->host = entry & QCOW2_OFFSET_MASK;
	e->owned = entry & QCOW2_OWNED;
	e->kind = entry & QCOW2_ZEROES ? QCOW2_ZERO : e->host ? QCOW2_DATA : QCOW2_NONE;
	if (entry & QCOW2_L2_RESERVED || (e->owned && !e->host) ||
	    (e->host && !qcow2_is_cluster(q, e->host)) ||
	    (entry & QCOW2_ZEROES && q->h.version < 3))
		return qcow2_damaged(q, "an L2 entry points nowhere", entry);
	return 0;
}

/* Does b go on where e, with its bytes, ends? */
static bool goes_on(const struct qcow2_extent *e, const struct qcow2_extent *b)
{
	return e->kind != QCOW2_PACKED && e->kind == b->kind && e->owned == b->owned &&
	       (e->host ? b->host == e->host + e->bytes : !b->host);
}

int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t bytes, struct qcow2_task *t,
	      struct qcow2_extent *e)
{
	uint64_t entry, table, within = offset % q->cluster, reach = qcow2_reach(q, offset);
	struct qcow2_extent next;
	struct qcow2_page *p;
	uint32_t at;
	int r = find_l2(q, offset, t, &entry, &table);

	if (r)
		return r;
	bytes = bytes < reach ? bytes : reach;
	*e = (struct qcow2_extent){.bytes = bytes};
	if (!table)
		return 0;
	r = qcow2_entry(q, table, l2_index(q, offset), t, &p, &at);
	r = r ? r : decode(q, qcow2_get64(p->data + at), e);
	if (r)
		return r;
	while (e->bytes - within < bytes) {
		at += ENTRY_BYTES;
		/* A damaged entry is for whoever comes to it. */
		if (decode(q, qcow2_get64(p->data + at), &next) || !goes_on(e, &next))
			break;
		e->bytes += q->cluster;
	}
	e->bytes -= within;
	e->bytes = e->bytes < bytes ? e->bytes : bytes;
	return 0;
}

/* ---- L2 tables of our own ---- */

static void maker_done(struct qcow2_maker *m, int error)
{
	struct qcow2 *q = m->task.q;

	if (error && m->run.count)
		qcow2_untake(q, m->run);
	free(m->table);
	m->table = NULL;
	m->busy = false;
	qcow2_wake(&m->waiting, error);
}

/* Its content is in the file: L1 may point to it. */
static void maker_link(struct qcow2_maker *m)
{
	struct qcow2 *q = m->task.q;
	struct qcow2_page *p;
	uint32_t at;
	int r = qcow2_entry(q, q->h.l1_offset, m->index, &m->task, &p, &at);

	r = r || !m->old ? r : qcow2_free_room(q, 1, &m->task);
	r = r ? r : qcow2_page_change(q, p, QCOW2_TABLES);
	if (r == QCOW2_WAIT)
		return;
	if (!r) {
		qcow2_put64(p->data + at, m->run.first << q->h.cluster_bits | QCOW2_OWNED);
		qcow2_commit_later(q);
		if (m->old)
			qcow2_free(q, m->old >> q->h.cluster_bits, 1);
	}
	maker_done(m, r);
}

static void maker_transfer(struct qcow2_maker *m, enum disk_op op, uint64_t offset)
{
	struct qcow2 *q = m->task.q;

	m->iov = (struct iovec){m->table, q->cluster};
	m->io = (struct file_request){.op = op,
				      .offset = offset,
				      .bytes = q->cluster,
				      .iov = &m->iov,
				      .iov_count = 1};
	qcow2_file_submit(&q->own, &m->io, &m->task);
}

static void maker_write(struct qcow2_maker *m)
{
	m->go = maker_link;
	maker_transfer(m, DISK_WRITE, m->run.first << m->task.q->h.cluster_bits);
}

static void maker_begin(struct qcow2_maker *m)
{
	struct qcow2 *q = m->task.q;
	int r = qcow2_take(q, 1, &m->task, &m->run);

	if (r == QCOW2_WAIT)
		return;
	m->table = r ? NULL : aligned_alloc(q->pages.bytes, q->cluster);
	if (!m->table) {
		maker_done(m, r ? r : ENOMEM);
		return;
	}
	qcow2_pages_forget(q, m->run.first << q->h.cluster_bits, q->cluster);
	if (!m->old) {
		memset(m->table, 0, q->cluster);
		maker_write(m);
		return;
	}
	m->go = maker_write;
	maker_transfer(m, DISK_READ, m->old);
}

static void maker_step(struct qcow2_task *t)
{
	struct qcow2_maker *m = (struct qcow2_maker *)t;

	if (t->error)
		maker_done(m, t->error);
	else
		m->go(m);
}

int qcow2_own_l2(struct qcow2 *q, uint64_t offset, struct qcow2_task *t)
{
	struct qcow2_maker *m = &q->maker;
	uint64_t entry, table;
	int r = find_l2(q, offset, t, &entry, &table);

	if (r || entry & QCOW2_OWNED)
		return r;
	if (!m->busy) {
		m->busy = true;
		m->index = l1_index(q, offset);
		m->old = table;
		m->run.count = 0;
		m->go = maker_begin;
		m->task.step = maker_step;
		m->task.q = q;
		qcow2_ready(&m->task, 0);
	}
	qcow2_wait(&m->waiting, t);
	return QCOW2_WAIT;
}

/* ---- changing entries ---- */

static uint64_t changed(uint64_t old, enum qcow2_change how, uint64_t host)
{
	switch (how) {
	case QCOW2_TO_DATA:
		return host | QCOW2_OWNED;
	case QCOW2_TO_KEPT_ZERO:
		return old | QCOW2_ZEROES;
	case QCOW2_TO_ZERO:
		return QCOW2_ZEROES;
	default:
		return 0;
	}
}

/* What the old entry used and the new does not. */
static void release(struct qcow2 *q, uint64_t old, uint64_t new)
{
	struct qcow2_extent was, is;
	uint64_t first, last;

	if (decode(q, old, &was) || decode(q, new, &is) || !was.host || was.host == is.host)
		return;
	first = was.host >> q->h.cluster_bits;
	last = first;
	if (was.kind == QCOW2_PACKED)
		last = (was.host + was.packed_bytes - 1) >> q->h.cluster_bits;
	qcow2_free(q, first, last - first + 1);
}

int qcow2_change(struct qcow2 *q, uint64_t offset, uint64_t count, enum qcow2_change how,
		 uint64_t host, struct qcow2_task *t)
{
	uint64_t entry, table;
	struct qcow2_page *p;
	uint32_t at;
	int r = find_l2(q, offset, t, &entry, &table);

	if (!r && !(entry & QCOW2_OWNED))
		r = qcow2_damaged(q, "an L2 table vanished", offset);
	r = r ? r : qcow2_entry(q, table, l2_index(q, offset), t, &p, &at);
	r = r ? r : qcow2_free_room(q, (unsigned int)count, t);
	r = r ? r : qcow2_page_change(q, p, QCOW2_TABLES);
	if (r)
		return r;
	for (; count--; at += ENTRY_BYTES, host += q->cluster) {
		uint64_t old = qcow2_get64(p->data + at), new = changed(old, how, host);

		qcow2_put64(p->data + at, new);
		release(q, old, new);
	}
	qcow2_commit_later(q);
	return 0;
}
