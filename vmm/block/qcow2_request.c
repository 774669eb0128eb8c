/*
 * Requests, cut into operations: one operation is what one lookup in the tables answers. An
 * operation holds the guest clusters it touches, together with others or, if it changes the
 * tables, alone; whoever comes later waits its turn, so that nobody starves and no cluster is
 * allocated twice, copied while it is written, or given away while it is read.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

#define ZEROES_BYTES 65536

static const uint8_t zeroes[ZEROES_BYTES];

/* ---- holding clusters ---- */

static struct qcow2_op *in_the_way(const struct qcow2_op *op)
{
	for (struct qcow2_op *o = op->task.q->first_op; o != op; o = o->after)
		if (o->first <= op->last && op->first <= o->last &&
		    (o->exclusive || op->exclusive))
			return o;
	return NULL;
}

static void hold(struct qcow2_op *op)
{
	struct qcow2_op *other = in_the_way(op);

	if (other) {
		qcow2_wait(&other->waiting, &op->task);
		return;
	}
	op->go = op->held;
	op->go(op);
}

static void join(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;

	op->before = q->last_op;
	op->after = NULL;
	*(op->before ? &op->before->after : &q->first_op) = op;
	q->last_op = op;
	op->go = hold;
}

static void leave(struct qcow2_op *op)
{
	struct qcow2 *q = op->task.q;

	*(op->before ? &op->before->after : &q->first_op) = op->after;
	*(op->after ? &op->after->before : &q->last_op) = op->before;
	qcow2_wake(&op->waiting, 0);
}

void qcow2_op_exclude(struct qcow2_op *op, void (*held)(struct qcow2_op *op))
{
	leave(op);
	op->exclusive = true;
	op->held = held;
	join(op);
	hold(op);
}

static void op_step(struct qcow2_task *t)
{
	struct qcow2_op *op = (struct qcow2_op *)t;
	int error = t->error;

	t->error = 0;
	if (error)
		qcow2_op_done(op, error);
	else
		op->go(op);
}

/* ---- an operation's share of its request ---- */

/* How many of the request's iovecs reach so far; *rest is what they hold beyond it. */
static unsigned int iovs_for(const struct qcow2_request *r, uint64_t bytes, uint64_t *rest)
{
	uint64_t have = 0;
	unsigned int n = 0;

	for (; have < bytes + r->iov_skip && n < r->iov_count; n++)
		have += r->iov[n].iov_len;
	*rest = have - bytes - r->iov_skip;
	return n;
}

static int share_iov(struct qcow2_op *op, struct qcow2_request *r, uint64_t bytes)
{
	uint64_t rest;
	unsigned int n = iovs_for(r, bytes, &rest);

	op->iov_count = n;
	op->iov = r->iov;
	if (!r->iov_skip && !rest && n == r->iov_count)
		return 0;
	op->own_iov = malloc(n * sizeof(*op->own_iov));
	if (!op->own_iov)
		return ENOMEM;
	op->iov = op->own_iov;
	memcpy(op->iov, r->iov, n * sizeof(*op->iov));
	op->iov[n - 1].iov_len -= rest;
	op->iov[0].iov_base = (uint8_t *)op->iov[0].iov_base + r->iov_skip;
	op->iov[0].iov_len -= r->iov_skip;
	r->iov_skip = rest ? r->iov[n - 1].iov_len - rest : 0;
	r->iov += rest ? n - 1 : n;
	r->iov_count -= rest ? n - 1 : n;
	return 0;
}

static int share_zeroes(struct qcow2_op *op, uint64_t bytes)
{
	op->iov_count = (unsigned int)((bytes + ZEROES_BYTES - 1) / ZEROES_BYTES);
	op->own_iov = malloc(op->iov_count * sizeof(*op->own_iov));
	op->iov = op->own_iov;
	if (!op->iov)
		return ENOMEM;
	for (unsigned int i = 0; i < op->iov_count; i++, bytes -= ZEROES_BYTES)
		op->iov[i] = (struct iovec){(void *)zeroes,
					    bytes < ZEROES_BYTES ? bytes : ZEROES_BYTES};
	return 0;
}

uint64_t qcow2_op_limit(const struct qcow2_op *op, uint64_t bytes, unsigned int iovs)
{
	const struct qcow2_request *r = op->request;
	uint64_t have = 0;

	if (op->zeroes || r->iov_count <= iovs)
		return bytes;
	for (unsigned int n = 0; n < iovs; n++)
		have += r->iov[n].iov_len;
	have -= r->iov_skip;
	return bytes < have ? bytes : have - have % DISK_SECTOR_BYTES;
}

int qcow2_op_fix(struct qcow2_op *op, uint64_t bytes)
{
	struct qcow2_request *r = op->request;
	struct qcow2 *q = op->task.q;
	int error = 0;

	op->bytes = bytes;
	op->last = (op->offset + bytes - 1) >> q->h.cluster_bits;
	if (op->zeroes)
		error = share_zeroes(op, bytes);
	else if (r->op == DISK_READ || r->op == DISK_WRITE)
		error = share_iov(op, r, bytes);
	if (error)
		return error;
	op->fixed = true;
	r->offset += bytes;
	qcow2_wake(&op->waiting, 0); /* maybe it holds less than before */
	qcow2_ready(&r->task, 0);
	return 0;
}

/* ---- life of an operation ---- */

static const struct {
	void (*held)(struct qcow2_op *op);
	bool exclusive;
} kinds[] = {
	[DISK_READ] = {qcow2_read, false},
	[DISK_WRITE] = {qcow2_write, false},
	[DISK_DISCARD] = {qcow2_zero, true},
	[DISK_WRITE_ZEROES] = {qcow2_zero, true},
};

static struct qcow2_op *new_op(struct qcow2_request *r)
{
	struct qcow2 *q = r->task.q;
	uint64_t reach = qcow2_reach(q, r->offset), left = r->end - r->offset;
	struct qcow2_op *op = q->spare_ops;

	if (op)
		q->spare_ops = op->after;
	else
		op = malloc(sizeof(*op));
	if (!op)
		return NULL;
	memset(op, 0, sizeof(*op));
	op->task = (struct qcow2_task){.step = op_step, .q = q};
	op->request = r;
	op->offset = r->offset;
	op->bytes = left < reach ? left : reach;
	op->first = op->offset >> q->h.cluster_bits;
	op->last = (op->offset + op->bytes - 1) >> q->h.cluster_bits;
	op->held = kinds[r->op].held;
	op->exclusive = kinds[r->op].exclusive;
	return op;
}

static void finish(struct qcow2_request *r)
{
	struct qcow2 *q = r->task.q;

	if (r->pending || r->dispatching)
		return;
	q->requests--;
	q->chain->answered = true;
	r->done(r, r->error);
}

void qcow2_op_done(struct qcow2_op *op, int error)
{
	struct qcow2_request *r = op->request;
	struct qcow2 *q = op->task.q;

	leave(op);
	qcow2_write_clean_up(op, error);
	free(op->own_iov);
	if (error && !r->error)
		r->error = error;
	if (!op->fixed)
		qcow2_ready(&r->task, 0); /* it waited for how far this one would go */
	op->after = q->spare_ops;
	q->spare_ops = op;
	q->ops--;
	qcow2_wake_one(&q->op_room);
	r->pending--;
	finish(r);
}

/* ---- requests ---- */

static void request_step(struct qcow2_task *t)
{
	struct qcow2_request *r = (struct qcow2_request *)t;
	struct qcow2 *q = t->q;
	struct qcow2_op *op;

	if (t->error && !r->error)
		r->error = t->error;
	if (r->error || r->offset == r->end) {
		r->dispatching = false;
		finish(r);
		return;
	}
	if (q->ops >= QCOW2_OPS_MAX) {
		qcow2_wait(&q->op_room, t);
		return;
	}
	op = new_op(r);
	if (!op) {
		qcow2_ready(t, ENOMEM);
		return;
	}
	q->ops++;
	r->pending++;
	join(op);
	hold(op);
}

void qcow2_submit(struct qcow2 *q, struct qcow2_request *r)
{
	q->requests++;
	r->task = (struct qcow2_task){.step = request_step, .q = q};
	r->pending = 0;
	r->error = 0;
	r->iov_skip = 0;
	r->dispatching = true;
	if (r->op == DISK_FLUSH) {
		r->end = r->offset;
		qcow2_flush(q, &r->task);
	} else {
		qcow2_ready(&r->task, 0);
	}
}

void qcow2_ops_free(struct qcow2 *q)
{
	struct qcow2_op *op;

	while ((op = q->spare_ops)) {
		q->spare_ops = op->after;
		free(op);
	}
}
