/*
 * Cached pages of the image's tables: L1, L2, refcount table and refcount blocks alike. A page
 * is 4096 bytes (or a cluster, if that is less), whatever the cluster's size: an image of
 * 2 MiB clusters has tables of that size too. Memory is taken page by page, and is bounded.
 *
 * A page that belongs to a commit is written as it was when the commit began; whoever changes
 * it meanwhile changes a copy.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/qcow2_image.h"

#define PAGE_BYTES_MAX 4096

static uint8_t *new_data(const struct qcow2 *q)
{
	return aligned_alloc(q->pages.bytes, q->pages.bytes);
}

int qcow2_pages_init(struct qcow2 *q, unsigned int bytes)
{
	struct qcow2_pages *p = &q->pages;

	p->bytes = q->cluster < PAGE_BYTES_MAX ? (uint32_t)q->cluster : PAGE_BYTES_MAX;
	p->max = bytes / p->bytes;
	for (p->hash_mask = 15; p->hash_mask < p->max;)
		p->hash_mask = p->hash_mask << 1 | 1;
	p->hash = calloc(p->hash_mask + 1, sizeof(struct qcow2_page *));
	return p->hash ? 0 : ENOMEM;
}

static struct qcow2_page **bucket(struct qcow2 *q, uint64_t offset)
{
	return &q->pages.hash[offset / q->pages.bytes & q->pages.hash_mask];
}

static struct qcow2_page *find(struct qcow2 *q, uint64_t offset)
{
	struct qcow2_page *p = *bucket(q, offset);

	while (p && p->offset != offset)
		p = p->hashed;
	return p;
}

/* ---- the order of use ---- */

static void unlink_page(struct qcow2_pages *s, struct qcow2_page *p)
{
	*(p->newer ? &p->newer->older : &s->newest) = p->older;
	*(p->older ? &p->older->newer : &s->oldest) = p->newer;
}

static void link_newest(struct qcow2_pages *s, struct qcow2_page *p)
{
	p->newer = NULL;
	p->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = p;
	s->newest = p;
}

static void drop(struct qcow2 *q, struct qcow2_page *p)
{
	struct qcow2_page **at = bucket(q, p->offset);

	while (*at != p)
		at = &(*at)->hashed;
	*at = p->hashed;
	unlink_page(&q->pages, p);
	q->pages.count--;
	free(p->frozen);
	free(p->data);
	free(p);
}

static bool can_be_dropped(const struct qcow2_page *p)
{
	return !p->loading && !p->dirty && !p->committing;
}

static void trim(struct qcow2 *q, unsigned int max)
{
	struct qcow2_page *p, *newer;

	for (p = q->pages.oldest; p && q->pages.count > max; p = newer) {
		newer = p->newer;
		if (can_be_dropped(p))
			drop(q, p);
	}
}

void qcow2_pages_free(struct qcow2 *q)
{
	while (q->pages.oldest)
		drop(q, q->pages.oldest);
	free(q->pages.hash);
}

void qcow2_pages_forget(struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	for (uint64_t end = offset + bytes; offset < end; offset += q->pages.bytes) {
		struct qcow2_page *p = find(q, offset);

		if (p && can_be_dropped(p))
			drop(q, p);
	}
}

/* ---- reading ---- */

static void loaded(struct qcow2_task *t)
{
	struct qcow2_page *p = (struct qcow2_page *)t;
	struct qcow2 *q = t->q;

	p->loading = false;
	qcow2_wake(&p->waiting, t->error);
	qcow2_wake(&q->pages.room, 0);
	if (t->error)
		drop(q, p);
}

static void load(struct qcow2 *q, struct qcow2_page *p)
{
	p->loading = true;
	p->iov = (struct iovec){p->data, q->pages.bytes};
	p->task = (struct qcow2_task){.step = loaded, .q = q};
	p->io = (struct file_request){.op = DISK_READ,
				      .offset = p->offset,
				      .bytes = q->pages.bytes,
				      .iov = &p->iov,
				      .iov_count = 1};
	qcow2_file_submit(&q->own, &p->io, &p->task);
}

static struct qcow2_page *add(struct qcow2 *q, uint64_t offset)
{
	struct qcow2_page *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->data = new_data(q);
	if (!p->data) {
		free(p);
		return NULL;
	}
	p->offset = offset;
	p->hashed = *bucket(q, offset);
	*bucket(q, offset) = p;
	link_newest(&q->pages, p);
	q->pages.count++;
	return p;
}

int qcow2_page(struct qcow2 *q, uint64_t offset, struct qcow2_task *t, struct qcow2_page **out)
{
	struct qcow2_pages *s = &q->pages;
	struct qcow2_page *p;

	offset -= offset % s->bytes;
	p = find(q, offset);
	if (!p) {
		trim(q, s->max - 1);
		/* The commit makes room, so it never waits for it. */
		if (s->count >= s->max && t != &q->commit.task) {
			qcow2_commit_soon(q);
			qcow2_wait(&s->room, t);
			return QCOW2_WAIT;
		}
		p = add(q, offset);
		if (!p)
			return ENOMEM;
		load(q, p);
	}
	if (p->loading) {
		qcow2_wait(&p->waiting, t);
		return QCOW2_WAIT;
	}
	if (s->newest != p) {
		unlink_page(s, p);
		link_newest(s, p);
	}
	*out = p;
	return 0;
}

/* ---- changing and writing ---- */

int qcow2_page_change(struct qcow2 *q, struct qcow2_page *p, enum qcow2_table kind)
{
	if (p->committing && !p->frozen) {
		uint8_t *copy = new_data(q);

		if (!copy)
			return ENOMEM;
		memcpy(copy, p->data, q->pages.bytes);
		p->frozen = p->data; /* it may be on its way to the file already */
		p->data = copy;
	}
	if (!p->dirty)
		q->pages.dirty[kind]++;
	p->dirty = true;
	p->kind = kind;
	return 0;
}

unsigned int qcow2_pages_freeze(struct qcow2 *q, enum qcow2_table kind)
{
	unsigned int count = 0;

	for (struct qcow2_page *p = q->pages.newest; p; p = p->older) {
		if (p->dirty && p->kind == kind) {
			free(p->frozen); /* a commit that failed left it */
			p->frozen = NULL;
			p->dirty = false;
			p->committing = true;
		}
		count += p->committing && p->kind == kind;
	}
	q->pages.dirty[kind] = 0;
	return count;
}

static void written(struct qcow2_task *t)
{
	struct qcow2_page *p = (struct qcow2_page *)t;
	struct qcow2_pages *s = &t->q->pages;

	free(p->frozen);
	p->frozen = NULL;
	p->committing = false;
	if (t->error) {
		s->error = t->error;
		s->dirty[p->kind] += !p->dirty;
		p->dirty = true;
	}
	if (!--s->writing)
		qcow2_ready(s->writer, s->error);
}

int qcow2_pages_write(struct qcow2 *q, enum qcow2_table kind, struct qcow2_task *t)
{
	q->pages.error = 0;
	q->pages.writer = t;
	for (struct qcow2_page *p = q->pages.newest; p; p = p->older) {
		if (!p->committing || p->kind != kind)
			continue;
		q->pages.writing++;
		p->iov = (struct iovec){p->frozen ? p->frozen : p->data, q->pages.bytes};
		p->task = (struct qcow2_task){.step = written, .q = q};
		p->io = (struct file_request){.op = DISK_WRITE,
					      .offset = p->offset,
					      .bytes = q->pages.bytes,
					      .iov = &p->iov,
					      .iov_count = 1};
		qcow2_file_submit(&q->own, &p->io, &p->task);
	}
	return q->pages.writing ? QCOW2_WAIT : 0;
}
