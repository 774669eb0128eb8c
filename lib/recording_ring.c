/* Holes in a recording: see recording_ring.h. */
#include "lib/recording_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"

#define PAGE      4096u
#define GONE_MAX  (1u << 30) /* bytes of one hole */
#define CUT_ALIGN 65536u     /* file systems free whole blocks of theirs */
#define SLACK     16         /* this part of the limit is freed at once: cutting is slow */

struct entry {
	struct entry *prev, *next;
	struct recording_block block; /* kind BLOCK_GONE: a hole */
	uint32_t blocks;
	bool wanted;
	uint64_t from, to; /* of a hole: what is still to be cut out */
};

struct recording_ring {
	int fd;
	const char *path;
	uint64_t limit;
	uint64_t used;              /* an upper bound of the room on disk */
	struct entry *first, *last; /* in the file's order */
	struct entry *next;         /* to be looked at: all before stay, or are gone */
	uint64_t wanted_until_ns;
	uint64_t kept_from_ns, kept_to_ns; /* the last wish */
};

/* A hole leaves a part of a page on each side. */
static uint64_t room(const struct entry *e)
{
	return e->block.kind == BLOCK_GONE
		       ? 2 * PAGE
		       : (e->block.bytes + (uint64_t)PAGE - 1) / PAGE * PAGE;
}

struct recording_ring *recording_ring_create(int fd, const char *path, uint64_t limit)
{
	struct recording_ring *r;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE)) {
		err_errno("%s: a flight recorder makes holes in its file, which this file "
			  "system cannot",
			  path);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		err_set("%s: out of memory for a flight recorder", path);
		return NULL;
	}
	r->fd = fd;
	r->path = path;
	r->limit = limit;
	return r;
}

void recording_ring_destroy(struct recording_ring *r)
{
	if (!r)
		return;
	for (struct entry *e = r->first, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	free(r);
}

static void append(struct recording_ring *r, struct entry *e)
{
	e->prev = r->last;
	if (r->last)
		r->last->next = e;
	else
		r->first = e;
	r->last = e;
	if (!r->next)
		r->next = e;
	r->used += room(e);
}

static void forget(struct recording_ring *r, struct entry *e)
{
	r->used -= room(e);
	if (e->prev)
		e->prev->next = e->next;
	else
		r->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		r->last = e->prev;
	if (r->next == e)
		r->next = e->next;
	free(e);
}

/* Two neighbouring holes become one: the one in front. */
static struct entry *merge(struct recording_ring *r, struct entry *front, struct entry *back)
{
	if (!front || !back || front->block.kind != BLOCK_GONE ||
	    back->block.kind != BLOCK_GONE ||
	    (uint64_t)front->block.bytes + back->block.bytes > GONE_MAX)
		return NULL;
	front->block.bytes += back->block.bytes;
	front->blocks += back->blocks;
	if (!front->to || (back->to && back->from < front->from))
		front->from = back->from;
	if (back->to > front->to)
		front->to = back->to;
	forget(r, back);
	return front;
}

static int cut(struct recording_ring *r, struct entry *e)
{
	struct block_header h = {.magic = BLOCK_MAGIC,
				 .kind = BLOCK_GONE,
				 .stored = e->block.bytes - (uint32_t)sizeof(h),
				 .raw = e->blocks,
				 .sequence = e->block.sequence};
	uint64_t from = e->from / CUT_ALIGN * CUT_ALIGN, start = e->block.at + sizeof(h);

	h.crc = block_crc(&h, NULL);
	if (from < start)
		from = start;
	if (pwrite(r->fd, &h, sizeof(h), (off_t)e->block.at) != sizeof(h) ||
	    (from < e->to && fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       (off_t)from, (off_t)(e->to - from))))
		return err_errno("%s: cannot discard a part of the recording", r->path);
	e->to = 0;
	return 0;
}

static int cut_all(struct recording_ring *r)
{
	for (struct entry *e = r->first; e; e = e->next)
		if (e->to && cut(r, e))
			return -1;
	return 0;
}

static void discard(struct recording_ring *r, struct entry *e, uint64_t lost[LOST_STAGES])
{
	struct entry *merged;

	for (int i = 0; i < LOST_STAGES; i++)
		lost[i] += e->block.lost[i];
	r->used -= room(e);
	e->block.kind = BLOCK_GONE;
	r->used += room(e);
	e->from = e->block.at;
	e->to = e->from + e->block.bytes;
	merged = merge(r, e->prev, e);
	e = merged ? merged : e;
	merge(r, e, e->next);
}

static bool stays(const struct entry *e)
{
	return e->block.kind == BLOCK_META || e->block.kind == BLOCK_GONE;
}

/* The next to go; never the last one. */
static struct entry *choose(struct recording_ring *r)
{
	while (r->next && (stays(r->next) || r->next->wanted))
		r->next = r->next->next;
	if (r->next && r->next != r->last)
		return r->next;
	for (struct entry *e = r->first; e != r->last; e = e->next)
		if (!stays(e))
			return e;
	return NULL;
}

int recording_ring_add(struct recording_ring *r, const struct recording_block *b,
		       uint64_t lost[LOST_STAGES])
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return err_set("%s: out of memory for a flight recorder", r->path);
	e->block = *b;
	e->blocks = 1;
	e->wanted = b->from_ns <= r->wanted_until_ns;
	append(r, e);
	if (r->used <= r->limit)
		return 0;
	while (r->used > r->limit - r->limit / SLACK && (e = choose(r)))
		discard(r, e, lost);
	return cut_all(r);
}

void recording_ring_keep(struct recording_ring *r, uint64_t from_ns, uint64_t to_ns)
{
	if (r->kept_to_ns && from_ns >= r->kept_from_ns && to_ns <= r->kept_to_ns)
		return;
	r->kept_from_ns = from_ns;
	r->kept_to_ns = to_ns;
	if (to_ns > r->wanted_until_ns)
		r->wanted_until_ns = to_ns;
	for (struct entry *e = r->last; e && e->block.to_ns >= from_ns; e = e->prev)
		e->wanted |= e->block.from_ns <= to_ns;
}
