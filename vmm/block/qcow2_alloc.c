/*
 * Clusters: a pool of reserved ones, from which they are taken without waiting; and those that
 * changes have freed, which are nobody's until the changes are on the host's disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"
#include "vmm/virtio/counter.h"

static bool make_room(struct qcow2_runs *r, unsigned int count)
{
	unsigned int max = r->max ? r->max : 16;
	struct qcow2_run *run;

	if (count <= r->max - r->count)
		return true;
	while (max - r->count < count)
		max *= 2;
	run = realloc(r->run, max * sizeof(*run));
	if (!run)
		return false;
	r->run = run;
	r->max = max;
	return true;
}

bool qcow2_runs_put(struct qcow2_runs *r, uint64_t first, uint64_t count, bool fresh)
{
	struct qcow2_run *last = r->count ? &r->run[r->count - 1] : NULL;

	if (last && last->first + last->count == first && last->fresh == fresh) {
		last->count += count;
		return true;
	}
	if (!make_room(r, 1))
		return false;
	r->run[r->count++] = (struct qcow2_run){first, count, fresh};
	return true;
}

/* All of from's, or none if there is no memory. */
static bool move(struct qcow2_runs *to, struct qcow2_runs *from)
{
	if (!make_room(to, from->count))
		return false;
	for (unsigned int i = 0; i < from->count; i++)
		to->run[to->count++] = from->run[i];
	from->count = 0;
	return true;
}

void qcow2_alloc_init(struct qcow2 *q)
{
	const struct file_info *info = file_info(q->own.file);
	struct qcow2_alloc *a = &q->alloc;

	a->fixed_end = info->block_device;
	a->end = info->bytes >> q->h.cluster_bits;
	if (!a->fixed_end && info->bytes % q->cluster)
		a->end++;
	a->limit = qcow2_refcount_limit(q);
}

void qcow2_alloc_free(struct qcow2 *q)
{
	struct qcow2_alloc *a = &q->alloc;

	free(a->block);
	free(a->pool.run);
	free(a->reserved.run);
	free(a->freed.run);
	free(a->freeing.run);
	free(a->unused.run);
}

int qcow2_take(struct qcow2 *q, uint64_t count, struct qcow2_task *t, struct qcow2_run *out)
{
	struct qcow2_alloc *a = &q->alloc;
	struct qcow2_run *run = a->pool.run;

	if (q->commit.lost)
		return EIO;
	if (a->pooled < count + a->wanted / 2)
		qcow2_reserve(q);
	if (!a->pool.count) {
		qcow2_wait(&a->waiting, t);
		return QCOW2_WAIT;
	}
	if (count > run->count)
		count = run->count;
	*out = (struct qcow2_run){run->first, count, run->fresh};
	run->first += count;
	run->count -= count;
	a->pooled -= count;
	counter_add(&q->taken, count);
	if (!run->count)
		memmove(run, run + 1, --a->pool.count * sizeof(*run));
	return 0;
}

void qcow2_untake(struct qcow2 *q, struct qcow2_run run)
{
	/* What is in it now is not known. Without memory it is lost till qemu-img check -r. */
	if (qcow2_runs_put(&q->alloc.pool, run.first, run.count, false))
		q->alloc.pooled += run.count;
}

void qcow2_reserved(struct qcow2 *q)
{
	struct qcow2_alloc *a = &q->alloc;
	uint64_t count = 0;

	for (unsigned int i = 0; i < a->reserved.count; i++)
		count += a->reserved.run[i].count;
	if (!move(&a->pool, &a->reserved)) {
		qcow2_wake(&a->waiting, ENOMEM);
		return;
	}
	a->pooled += count;
	qcow2_wake(&a->waiting, 0);
}

int qcow2_free_room(struct qcow2 *q, unsigned int count, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;

	if (a->freed.count + a->freeing.count + a->unused.count + count > QCOW2_FREED_MAX) {
		if (q->commit.lost)
			return EIO;
		qcow2_commit_soon(q);
		qcow2_wait(&q->commit.done, t);
		return QCOW2_WAIT;
	}
	return make_room(&a->freed, count) ? 0 : ENOMEM;
}

void qcow2_free(struct qcow2 *q, uint64_t first, uint64_t count)
{
	qcow2_runs_put(&q->alloc.freed, first, count, false);
}

void qcow2_freed_freeze(struct qcow2 *q)
{
	move(&q->alloc.freeing, &q->alloc.freed); /* if it cannot, then with the next commit */
}

void qcow2_freed_are_committed(struct qcow2 *q)
{
	move(&q->alloc.unused, &q->alloc.freeing);
}

void qcow2_pool_is_unused(struct qcow2 *q)
{
	struct qcow2_alloc *a = &q->alloc;

	for (unsigned int i = 0; i < a->pool.count; i++)
		a->pool.run[i].fresh = true; /* no need to punch holes */
	if (move(&a->unused, &a->pool))
		a->pooled = 0;
}
