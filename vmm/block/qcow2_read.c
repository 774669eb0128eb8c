/* Reading: from the file, from the image below, or nothing at all. */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

static void finished(struct qcow2_op *op)
{
	qcow2_op_done(op, 0);
}

void qcow2_op_transfer(struct qcow2_op *op, enum disk_op how, bool may_unmap)
{
	struct qcow2 *q = op->task.q;

	op->go = finished;
	op->io = (struct file_request){
		.op = how,
		.may_unmap = may_unmap,
		.offset = op->extent.host + op->offset % q->cluster,
		.bytes = op->bytes,
		.iov = op->iov,
		.iov_count = op->iov_count,
	};
	qcow2_file_submit(&q->own, &op->io, &op->task);
}

/* ---- the image below ---- */

static void fetched(struct qcow2_request *r, int error)
{
	struct qcow2_fetch *f = r->owner;

	qcow2_ready(f->then, error);
}

void qcow2_fetch(struct qcow2 *q, struct qcow2_fetch *f, uint64_t offset, uint64_t bytes,
		 struct iovec *iov, unsigned int count, struct qcow2_task *then)
{
	if (q->below) {
		f->then = then;
		f->request = (struct qcow2_request){.op = DISK_READ,
						    .offset = offset,
						    .end = offset + bytes,
						    .iov = iov,
						    .iov_count = count,
						    .done = fetched,
						    .owner = f};
		qcow2_submit(q->below, &f->request);
		return;
	}
	f->io = (struct file_request){.op = DISK_READ,
				      .offset = offset,
				      .bytes = bytes,
				      .iov = iov,
				      .iov_count = count};
	qcow2_file_submit(&q->raw, &f->io, then);
}

/* ---- operations ---- */

static int read_below(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	uint64_t below = q->below_bytes - op->offset;
	int r = qcow2_op_fix(op, op->extent.bytes < below ? op->extent.bytes : below);

	if (r)
		return r;
	op->go = finished;
	qcow2_fetch(q, &op->fetch[0], op->offset, op->bytes, op->iov, op->iov_count, &op->task);
	return QCOW2_WAIT;
}

static int read_zeroes(struct qcow2_op *op)
{
	int r = qcow2_op_fix(op, op->extent.bytes);

	for (unsigned int i = 0; !r && i < op->iov_count; i++)
		memset(op->iov[i].iov_base, 0, op->iov[i].iov_len);
	return r;
}

static int read_packed(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	const uint8_t *cluster;
	int r = qcow2_unpack(q, &op->extent, &op->task, &cluster);

	r = r ? r : qcow2_op_fix(op, op->extent.bytes);
	if (r)
		return r;
	cluster += op->offset % q->cluster;
	for (unsigned int i = 0; i < op->iov_count; i++) {
		memcpy(op->iov[i].iov_base, cluster, op->iov[i].iov_len);
		cluster += op->iov[i].iov_len;
	}
	return 0;
}

static int read_data(struct qcow2_op *op)
{
	int r = qcow2_op_fix(op, op->extent.bytes);

	if (r)
		return r;
	qcow2_op_transfer(op, DISK_READ, false);
	return QCOW2_WAIT;
}

void qcow2_read(struct qcow2_op *op)
{
	static int (*const by_kind[])(struct qcow2_op * op) = {
		[QCOW2_NONE] = read_below,
		[QCOW2_ZERO] = read_zeroes,
		[QCOW2_DATA] = read_data,
		[QCOW2_PACKED] = read_packed,
	};
	struct qcow2 *q = op->task.q;
	int r = qcow2_map(q, op->offset, op->bytes, &op->task, &op->extent);

	if (!r && op->extent.kind == QCOW2_NONE && op->offset >= q->below_bytes)
		op->extent.kind = QCOW2_ZERO;
	r = r ? r : by_kind[op->extent.kind](op);
	if (r != QCOW2_WAIT)
		qcow2_op_done(op, r);
}
