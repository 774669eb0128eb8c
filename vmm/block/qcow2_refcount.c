/*
 * Refcounts: found, counted up when clusters are reserved, counted down when they are given
 * back.
 *
 * Clusters behind the file's end are free, whatever their refcount says: nobody can use them,
 * but a VMM that was killed may have reserved them.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

#define SCAN_MAX    16384 /* clusters looked at for one reservation, before it appends */
#define AHEAD_BYTES (4U << 20)
#define AHEAD_MIN   16 /* clusters */
#define AHEAD_MAX   512
#define RUNS_MAX    64
#define NO_BLOCK    ENOENT

static unsigned int block_bits(const struct qcow2 *q)
{
	return q->h.cluster_bits + 3 - q->h.refcount_order;
}

uint64_t qcow2_refcount_limit(const struct qcow2 *q)
{
	uint64_t entries = (uint64_t)q->h.reftable_clusters << (q->h.cluster_bits - 3);
	uint64_t limit = entries << block_bits(q), most = QCOW2_OFFSET_MAX >> q->h.cluster_bits;

	return limit < most ? limit : most;
}

/* A refcount: the page it is in, and its number there. */
struct place {
	struct qcow2_page *page;
	uint64_t index;
	uint64_t left; /* refcounts from it to the end of the page */
};

/* 0, NO_BLOCK if all refcounts around are zero, QCOW2_WAIT or an errno. */
static int find(struct qcow2 *q, uint64_t cluster, struct qcow2_task *t, struct place *place)
{
	uint64_t within = cluster & ((1ULL << block_bits(q)) - 1), block, bits;
	struct qcow2_page *p;
	uint32_t at;
	int r = qcow2_entry(q, q->h.reftable_offset, cluster >> block_bits(q), t, &p, &at);

	if (r)
		return r;
	block = qcow2_get64(p->data + at);
	if (!block)
		return NO_BLOCK;
	if (block & QCOW2_REFTABLE_RESERVED || !qcow2_is_cluster(q, block))
		return qcow2_damaged(q, "a refcount block is nowhere", block);
	bits = within << q->h.refcount_order;
	r = qcow2_page(q, block + bits / 8, t, &place->page);
	if (r)
		return r;
	place->index = bits % (q->pages.bytes * 8ULL) >> q->h.refcount_order;
	place->left = (q->pages.bytes * 8ULL >> q->h.refcount_order) - place->index;
	return 0;
}

static uint64_t get(const struct qcow2 *q, const struct place *place, uint64_t i)
{
	return qcow2_refcount(place->page->data, place->index + i, q->h.refcount_order);
}

static int set(struct qcow2 *q, const struct place *place, uint64_t count, uint64_t value)
{
	int r = qcow2_page_change(q, place->page, QCOW2_REFCOUNTS);

	for (uint64_t i = 0; !r && i < count; i++)
		qcow2_set_refcount(place->page->data, place->index + i, q->h.refcount_order,
				   value);
	return r;
}

/* ---- reserving ---- */

static int reserve_one(struct qcow2 *q, const struct place *place, uint64_t cluster, bool fresh)
{
	int r = set(q, place, 1, 1);

	if (!r && !qcow2_runs_put(&q->alloc.reserved, cluster, 1, fresh))
		r = ENOMEM;
	q->alloc.got += !r;
	return r;
}

/* Look for free clusters from the hint on, round and round, as far as one page of refcounts
 * goes. */
static int scan(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	uint64_t block = 1ULL << block_bits(q);
	struct place place;
	int r = find(q, a->hint, t, &place);

	if (r == NO_BLOCK) { /* there should be none of these: not made use of */
		a->scanned += q->pages.bytes / 8;
		a->hint = (a->hint / block + 1) * block;
		return 0;
	}
	for (; !r && place.left && a->hint < a->end && a->got < a->wanted; a->hint++) {
		if (!get(q, &place, 0) && !qcow2_is_fixed(q, a->hint))
			r = reserve_one(q, &place, a->hint, false);
		if (r)
			return r;
		a->scanned++;
		place.index++;
		place.left--;
	}
	return r;
}

/* The first cluster that has no refcount block becomes the block itself. It is one for others
 * than us only when the refcount table on the host's disk says so: till then, clusters that it
 * counts are not used. */
static int make_block(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	uint64_t cluster = a->end;
	struct qcow2_page *p;
	uint32_t at;
	int r;

	if (!a->block) {
		a->block = aligned_alloc(q->pages.bytes, q->cluster);
		if (!a->block)
			return ENOMEM;
		memset(a->block, 0, q->cluster);
		qcow2_set_refcount(a->block, cluster & ((1ULL << block_bits(q)) - 1),
				   q->h.refcount_order, 1);
		qcow2_pages_forget(q, cluster << q->h.cluster_bits, q->cluster);
		a->block_iov = (struct iovec){a->block, q->cluster};
		a->block_io = (struct file_request){.op = DISK_WRITE,
						    .offset = cluster << q->h.cluster_bits,
						    .bytes = q->cluster,
						    .iov = &a->block_iov,
						    .iov_count = 1};
		qcow2_file_submit(&q->own, &a->block_io, t);
		return QCOW2_WAIT;
	}
	r = qcow2_entry(q, q->h.reftable_offset, cluster >> block_bits(q), t, &p, &at);
	r = r ? r : qcow2_page_change(q, p, QCOW2_TABLES);
	if (r)
		return r;
	qcow2_put64(p->data + at, cluster << q->h.cluster_bits);
	free(a->block);
	a->block = NULL;
	a->end++;
	a->new_block = true;
	a->committing = false; /* that is not for this one */
	return 0;
}

/* Take the cluster behind all others. */
static int append(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	struct place place;
	int r;

	if (a->fixed_end || a->end >= a->limit)
		return ENOSPC;
	r = a->block ? NO_BLOCK : find(q, a->end, t, &place);
	if (r == NO_BLOCK && a->got) {
		a->wanted = a->got; /* not a block before it is needed */
		return 0;
	}
	if (r == NO_BLOCK)
		return make_block(q, t);
	r = r ? r : reserve_one(q, &place, a->end, true);
	if (r)
		return r;
	if (a->hint >= a->end)
		a->hint = a->end + 1;
	a->end++;
	return 0;
}

/* Free clusters first, but without looking through all of a large image for them. */
static int reserve_some(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	bool grows = !a->fixed_end && a->end < a->limit;

	if (a->hint >= a->end && a->behind_hint) {
		a->hint = 0;
		a->behind_hint = false;
	}
	if (a->hint < a->end && !a->block && (a->scanned < SCAN_MAX || !grows))
		return scan(q, t);
	return append(q, t);
}

static void step(struct qcow2_task *t)
{
	struct qcow2 *q = t->q;
	struct qcow2_alloc *a = &q->alloc;
	int r = t->error;

	t->error = 0;
	while (!r && a->got < a->wanted && a->reserved.count < RUNS_MAX)
		r = reserve_some(q, t);
	if (r == QCOW2_WAIT)
		return;
	free(a->block);
	a->block = NULL;
	a->busy = false;
	if (r && !a->got)
		qcow2_wake(&a->waiting, r);
	if (a->new_block)
		qcow2_commit_soon(q);
	else
		qcow2_reserved(q);
}

void qcow2_reserve(struct qcow2 *q)
{
	struct qcow2_alloc *a = &q->alloc;
	uint64_t clusters = AHEAD_BYTES >> q->h.cluster_bits;

	if (a->new_block)
		qcow2_commit_soon(q);
	if (a->busy || a->new_block)
		return;
	a->busy = true;
	a->wanted = clusters < AHEAD_MIN   ? AHEAD_MIN
		    : clusters > AHEAD_MAX ? AHEAD_MAX
					   : clusters;
	a->scanned = 0;
	a->got = 0;
	a->task = (struct qcow2_task){.step = step, .q = q};
	qcow2_ready(&a->task, 0);
}

void qcow2_block_freeze(struct qcow2 *q)
{
	q->alloc.committing = q->alloc.new_block;
}

void qcow2_block_is_committed(struct qcow2 *q)
{
	struct qcow2_alloc *a = &q->alloc;

	if (!a->committing)
		return;
	a->committing = false;
	a->new_block = false;
	if (!a->busy)
		qcow2_reserved(q);
}

/* ---- giving back ---- */

static void shorten(struct qcow2_alloc *a, struct qcow2_run *run, uint64_t count)
{
	run->first += count;
	run->count -= count;
	a->punched = 0;
	if (!run->count)
		a->unused.count--;
}

/* How many clusters of the run from its first on are used but once, on one page. */
static uint64_t used_once(const struct qcow2 *q, const struct qcow2_run *run,
			  const struct place *place)
{
	uint64_t n = 0;

	while (n < run->count && n < place->left && get(q, place, n) == 1)
		n++;
	return n;
}

static void punch(struct qcow2 *q, uint64_t first, uint64_t count, struct qcow2_task *t)
{
	q->alloc.punching = true;
	q->alloc.punched = count;
	q->alloc.punch_io = (struct file_request){.op = DISK_DISCARD,
						  .offset = first << q->h.cluster_bits,
						  .bytes = count << q->h.cluster_bits};
	qcow2_file_submit(&q->own, &q->alloc.punch_io, t);
}

/* Space goes back to the host before the clusters can be reserved again. */
static int give_back_some(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	struct qcow2_run *run = &a->unused.run[a->unused.count - 1];
	struct place place;
	uint64_t count;
	int r = find(q, run->first, t, &place);

	if (r == QCOW2_WAIT || r == ENOMEM)
		return r;
	if (r || !get(q, &place, 0)) { /* a damaged image: better lost than used twice */
		shorten(a, run, 1);
		return 0;
	}
	count = used_once(q, run, &place);
	if (count && !run->fresh && !a->punched && file_info(q->own.file)->discard) {
		punch(q, run->first, count, t);
		return QCOW2_WAIT;
	}
	r = count ? set(q, &place, count, 0) : set(q, &place, 1, get(q, &place, 0) - 1);
	if (r)
		return r;
	a->behind_hint |= count && run->first < a->hint;
	shorten(a, run, count ? count : 1);
	return 0;
}

int qcow2_give_back(struct qcow2 *q, struct qcow2_task *t)
{
	struct qcow2_alloc *a = &q->alloc;
	int r = 0;

	if (t->error && !a->punching) /* whether that worked is all the same */
		shorten(a, &a->unused.run[a->unused.count - 1], 1);
	a->punching = false;
	while (!r && a->unused.count && q->pages.dirty[QCOW2_REFCOUNTS] < q->pages.max / 4)
		r = give_back_some(q, t);
	return r;
}
