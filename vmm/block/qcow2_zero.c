/*
 * DISCARD and WRITE_ZEROES. Whole clusters change in the tables alone; what is less than a
 * cluster becomes a hole in the file, is written, or (DISCARD) left as it is.
 *
 * Version 2 has no entry that says "zeroes": over a file below, its clusters can be neither
 * discarded nor zeroed but by writing.
 */
#include <errno.h>

#include "vmm/block/qcow2_image.h"

enum plan {
	LEAVE,    /* nothing to do */
	IN_PLACE, /* let the file do it */
	WRITE,    /* zeroes, to new clusters */
	CHANGE,   /* the tables */
};

static bool unmaps(const struct qcow2_op *op)
{
	return op->request->op == DISK_DISCARD || op->request->may_unmap;
}

static bool zeroes_can_be_said(const struct qcow2 *q)
{
	return q->h.version >= 3 || !q->below_bytes;
}

/* How much of the operation, from its start, is whole clusters, or less than one. */
static uint64_t piece(const struct qcow2_op *op, bool *whole)
{
	const struct qcow2 *q = op->task.q;
	uint64_t within = op->offset % q->cluster, left = q->cluster - within;
	uint64_t bytes = op->bytes;

	*whole = true;
	if (!within && op->offset + bytes == q->bytes)
		return bytes; /* the disk's last cluster may be cut */
	if (!within && bytes >= q->cluster)
		return bytes - bytes % q->cluster;
	*whole = false;
	return bytes < left ? bytes : left;
}

static enum plan plan_part(const struct qcow2_op *op)
{
	const struct qcow2 *q = op->task.q;

	if (qcow2_reads_zeroes(q, &op->extent, op->offset))
		return LEAVE;
	if (op->extent.kind == QCOW2_DATA && op->extent.owned)
		return IN_PLACE;
	return op->request->op == DISK_DISCARD ? LEAVE : WRITE;
}

static enum plan plan_whole(const struct qcow2_op *op, enum qcow2_change *how)
{
	const struct qcow2 *q = op->task.q;
	const struct qcow2_extent *e = &op->extent;
	bool in_place = e->kind == QCOW2_DATA && e->owned;

	if (!zeroes_can_be_said(q) && op->request->op == DISK_DISCARD)
		return LEAVE;
	if (qcow2_reads_zeroes(q, e, op->offset) && (!e->host || !unmaps(op)))
		return LEAVE;
	if (!zeroes_can_be_said(q) || (q->h.version < 3 && in_place && !unmaps(op)))
		return in_place ? IN_PLACE : WRITE;
	*how = q->h.version < 3 || !q->below_bytes ? QCOW2_TO_NONE : QCOW2_TO_ZERO;
	if (in_place && !unmaps(op))
		*how = QCOW2_TO_KEPT_ZERO;
	return CHANGE;
}

static int change(struct qcow2_op *op, enum qcow2_change how)
{
	struct qcow2 *q = op->task.q;
	uint64_t count = (op->extent.bytes + q->cluster - 1) >> q->h.cluster_bits;
	int r = qcow2_own_l2(q, op->offset, &op->task);

	r = r ? r : qcow2_change(q, op->offset, count, how, 0, &op->task);
	return r ? r : qcow2_op_fix(op, op->extent.bytes);
}

static int in_place(struct qcow2_op *op)
{
	int r = qcow2_op_fix(op, op->extent.bytes);

	if (r)
		return r;
	qcow2_op_transfer(op, op->request->op, op->request->may_unmap);
	return QCOW2_WAIT;
}

static int do_it(struct qcow2_op *op)
{
	enum qcow2_change how = QCOW2_TO_NONE;
	struct qcow2 *q = op->task.q;
	bool whole;
	uint64_t bytes = piece(op, &whole);
	int r = qcow2_map(q, op->offset, bytes, &op->task, &op->extent);

	if (r)
		return r;
	switch (whole ? plan_whole(op, &how) : plan_part(op)) {
	case CHANGE:
		return change(op, how);
	case IN_PLACE:
		return in_place(op);
	case WRITE:
		op->zeroes = true;
		op->bytes = op->extent.bytes;
		op->held = qcow2_write_alone;
		op->go = qcow2_write_alone;
		op->go(op);
		return QCOW2_WAIT;
	default:
		return qcow2_op_fix(op, op->extent.bytes);
	}
}

void qcow2_zero(struct qcow2_op *op)
{
	int r = do_it(op);

	if (r != QCOW2_WAIT)
		qcow2_op_done(op, r);
}
