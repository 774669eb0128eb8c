/*
 * Writing: in place where the cluster is the image's alone, else to a new one. What a new
 * cluster needs besides the guest's bytes is copied from where it is read today.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

#define IOVS_MAX (IOV_MAX - 2) /* and one before, one behind */

static uint64_t span(const struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	return (offset % q->cluster + bytes + q->cluster - 1) >> q->h.cluster_bits;
}

/* ---- the last step: the tables ---- */

static void link_run(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	int r = qcow2_change(q, op->offset, op->run.count, QCOW2_TO_DATA,
			     op->run.first << q->h.cluster_bits, &op->task);

	if (r == QCOW2_WAIT)
		return;
	if (!r)
		op->run.count = 0; /* the image's now */
	qcow2_op_done(op, r);
}

/* ---- the data, and what is around it ---- */

static void write_run(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	uint64_t head = op->fill ? op->head : 0, tail = op->fill ? op->tail : 0;
	struct iovec *iov = malloc((op->iov_count + 2) * sizeof(*iov));
	unsigned int n = 0;

	if (!iov) {
		qcow2_op_done(op, ENOMEM);
		return;
	}
	if (head)
		iov[n++] = (struct iovec){op->fill, head};
	memcpy(iov + n, op->iov, op->iov_count * sizeof(*iov));
	n += op->iov_count;
	if (tail)
		iov[n++] = (struct iovec){op->fill + op->head, tail};
	free(op->own_iov);
	op->own_iov = iov;
	op->go = link_run;
	op->io = (struct file_request){
		.op = DISK_WRITE,
		.offset = (op->run.first << q->h.cluster_bits) + op->head - head,
		.bytes = head + op->bytes + tail,
		.iov = iov,
		.iov_count = n,
	};
	qcow2_file_submit(&q->own, &op->io, &op->task);
}

static void part_filled(struct qcow2_task *t)
{
	struct qcow2_fetch *f = (struct qcow2_fetch *)t;
	struct qcow2_op *op = f->op;

	if (t->error)
		op->fill_error = t->error;
	if (!--op->filling)
		qcow2_ready(&op->task, op->fill_error);
}

/* Fill a part from the image below, as far as that goes. */
static void fill_from_below(struct qcow2_op *op, struct qcow2_fetch *f, uint64_t offset)
{
	struct qcow2 *q = op->task.q;
	uint64_t bytes = 0;

	if (op->extent.kind == QCOW2_NONE && offset < q->below_bytes)
		bytes = q->below_bytes - offset;
	if (bytes > f->iov.iov_len)
		bytes = f->iov.iov_len;
	memset((uint8_t *)f->iov.iov_base + bytes, 0, f->iov.iov_len - bytes);
	f->iov.iov_len = bytes;
	if (bytes)
		qcow2_fetch(q, f, offset, bytes, &f->iov, 1, &f->task);
	else
		qcow2_ready(&f->task, 0);
}

/* Fill a part from the cluster that is someone else's too. */
static void fill_from_old(struct qcow2_op *op, struct qcow2_fetch *f, uint64_t offset)
{
	struct qcow2 *q = op->task.q;
	uint64_t base = op->offset - op->head;

	f->io = (struct file_request){.op = DISK_READ,
				      .offset = op->extent.host + (offset - base),
				      .bytes = f->iov.iov_len,
				      .iov = &f->iov,
				      .iov_count = 1};
	qcow2_file_submit(&q->own, &f->io, &f->task);
}

static void fill_part(struct qcow2_op *op, unsigned int i, uint64_t offset, uint8_t *to,
		      uint64_t bytes)
{
	struct qcow2_fetch *f = &op->fetch[i];

	if (!bytes)
		return;
	op->filling++;
	f->task = (struct qcow2_task){.step = part_filled, .q = op->task.q};
	f->op = op;
	f->iov = (struct iovec){to, bytes};
	if (op->extent.kind == QCOW2_DATA)
		fill_from_old(op, f, offset);
	else
		fill_from_below(op, f, offset);
}

/* A compressed cluster is but one, so that head and tail are of the same. */
static void fill_from_packed(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	const uint8_t *cluster;
	int r = qcow2_unpack(q, &op->extent, &op->task, &cluster);

	if (r == QCOW2_WAIT)
		return;
	if (r) {
		qcow2_op_done(op, r);
		return;
	}
	memcpy(op->fill, cluster, op->head);
	memcpy(op->fill + op->head, cluster + q->cluster - op->tail, op->tail);
	write_run(op);
}

static void fill(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	uint64_t bytes = op->head + op->tail;

	if (q->fill_bytes && q->fill_bytes + bytes > QCOW2_FILL_BYTES) {
		qcow2_wait(&q->fill_room, &op->task);
		return;
	}
	op->fill = malloc(bytes);
	if (!op->fill) {
		qcow2_op_done(op, ENOMEM);
		return;
	}
	q->fill_bytes += bytes;
	if (op->extent.kind == QCOW2_PACKED) {
		op->go = fill_from_packed;
		op->go(op);
		return;
	}
	op->go = write_run;
	fill_part(op, 0, op->offset - op->head, op->fill, op->head);
	fill_part(op, 1, op->offset + op->bytes, op->fill + op->head, op->tail);
}

void qcow2_write_clean_up(struct qcow2_op *op, int error)
{
	struct qcow2 *q = op->task.q;

	if (error && op->run.count && !op->kept)
		qcow2_untake(q, op->run);
	if (!op->fill)
		return;
	free(op->fill);
	q->fill_bytes -= op->head + op->tail;
	qcow2_wake(&q->fill_room, 0);
}

/* ---- the first steps: where to ---- */

bool qcow2_reads_zeroes(const struct qcow2 *q, const struct qcow2_extent *e, uint64_t offset)
{
	return e->kind == QCOW2_ZERO ||
	       (e->kind == QCOW2_NONE && offset - offset % q->cluster >= q->below_bytes);
}

static int take_clusters(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	const struct qcow2_extent *e = &op->extent;
	uint64_t count = span(q, op->offset, op->bytes < e->bytes ? op->bytes : e->bytes);

	op->kept = e->kind == QCOW2_ZERO && e->host && e->owned;
	if (!op->kept)
		return qcow2_take(q, count, &op->task, &op->run);
	op->run = (struct qcow2_run){e->host >> q->h.cluster_bits, count, false};
	return 0;
}

/* Cut the operation down to the clusters it got. */
static int fit(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	uint64_t bytes = (op->run.count << q->h.cluster_bits) - op->offset % q->cluster, used;

	if (bytes > op->extent.bytes)
		bytes = op->extent.bytes;
	bytes = qcow2_op_limit(op, bytes, IOVS_MAX);
	if (!bytes)
		return EINVAL; /* a thousand iovecs for less than a sector */
	used = span(q, op->offset, bytes);
	if (used < op->run.count && !op->kept)
		qcow2_untake(q, (struct qcow2_run){op->run.first + used, op->run.count - used,
						   false});
	op->run.count = used;
	return qcow2_op_fix(op, bytes);
}

static int begin(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;
	int r = qcow2_own_l2(q, op->offset, &op->task);

	r = r ? r : take_clusters(op);
	r = r ? r : fit(op);
	if (r)
		return r;
	op->head = op->offset % q->cluster;
	op->tail = (op->run.count << q->h.cluster_bits) - op->head - op->bytes;
	op->go = fill;
	if (!(op->head + op->tail) ||
	    (op->run.fresh && qcow2_reads_zeroes(q, &op->extent, op->offset)))
		op->go = write_run;
	op->go(op);
	return QCOW2_WAIT;
}

static int write_in_place(struct qcow2_op *op)
{
	int r = qcow2_op_fix(op, op->extent.bytes);

	if (r)
		return r;
	qcow2_op_transfer(op, DISK_WRITE, false);
	return QCOW2_WAIT;
}

void qcow2_write_alone(struct qcow2_op *op)
{
	int r = qcow2_map(op->task.q, op->offset, op->bytes, &op->task, &op->extent);

	if (!r)
		r = op->extent.kind == QCOW2_DATA && op->extent.owned ? write_in_place(op)
								      : begin(op);
	if (r != QCOW2_WAIT)
		qcow2_op_done(op, r);
}

void qcow2_write(struct qcow2_op *op)
{
	int r = qcow2_map(op->task.q, op->offset, op->bytes, &op->task, &op->extent);

	if (r == QCOW2_WAIT)
		return;
	if (!r && (op->extent.kind != QCOW2_DATA || !op->extent.owned)) {
		qcow2_op_exclude(op, qcow2_write_alone);
		return;
	}
	r = r ? r : write_in_place(op);
	if (r != QCOW2_WAIT)
		qcow2_op_done(op, r);
}
