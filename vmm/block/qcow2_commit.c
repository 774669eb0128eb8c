/*
 * The cycle in which changes reach the host's disk in an order that any crash may interrupt:
 *
 *     pages as they are now are those of this commit
 *     write refcounts
 *     flush: data, new tables and refcounts are safe
 *     write L1, L2 and refcount table, which point to what is safe
 *     flush
 *     what they pointed to before is free: punch holes, count down, write refcounts
 *
 * Flushes of the guest, a lack of memory for pages, and a timer start it. One runs at a time,
 * whoever comes later is for the next.
 *
 * Until its entry is written, a newly allocated cluster's data is lost with the VMM, as what a
 * disk has in its write cache: the timer makes that a fifth of a second.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"
#include "vmm/virtio/counter.h"

#define LATER_NS 200000000

static int begin(struct qcow2 *q)
{
	struct qcow2_commit *c = &q->commit;

	c->wanted = false;
	c->tables = 0;
	c->now = c->next;
	c->next = (struct qcow2_list){NULL, NULL};
	return 0;
}

static int freeze(struct qcow2 *q)
{
	q->commit.tables = qcow2_pages_freeze(q, QCOW2_TABLES);
	qcow2_pages_freeze(q, QCOW2_REFCOUNTS);
	qcow2_freed_freeze(q);
	qcow2_block_freeze(q);
	return 0;
}

static int write_refcounts(struct qcow2 *q)
{
	return qcow2_pages_write(q, QCOW2_REFCOUNTS, &q->commit.task);
}

static int sync_file(struct qcow2 *q)
{
	if (q->commit.lost)
		return EIO;
	q->commit.io = (struct file_request){.op = DISK_FLUSH};
	qcow2_file_submit(&q->own, &q->commit.io, &q->commit.task);
	return QCOW2_WAIT;
}

static int sync_before(struct qcow2 *q)
{
	const struct qcow2_commit *c = &q->commit;

	return c->tables || c->now.first ? sync_file(q) : 0;
}

static int write_tables(struct qcow2 *q)
{
	return qcow2_pages_write(q, QCOW2_TABLES, &q->commit.task);
}

static int sync_after(struct qcow2 *q)
{
	return q->commit.tables ? sync_file(q) : 0;
}

static int committed(struct qcow2 *q)
{
	counter_add(&q->commits, 1);
	qcow2_freed_are_committed(q);
	qcow2_block_is_committed(q);
	qcow2_wake(&q->commit.now, 0);
	return 0;
}

static int give_back(struct qcow2 *q)
{
	return qcow2_give_back(q, &q->commit.task);
}

static int write_rest(struct qcow2 *q)
{
	qcow2_pages_freeze(q, QCOW2_REFCOUNTS);
	return write_refcounts(q);
}

enum {
	AGAIN = 1, /* call it again after it has waited */
	FLUSH = 2, /* if that fails, nobody knows what is on the host's disk */
};

static const struct {
	int (*go)(struct qcow2 *q);
	unsigned int flags;
} steps[] = {
	{begin, 0},           {freeze, 0},        {write_refcounts, 0},
	{sync_before, FLUSH}, {write_tables, 0},  {sync_after, FLUSH},
	{committed, 0},       {give_back, AGAIN}, {write_rest, 0},
};

#define STEPS     (sizeof(steps) / sizeof(steps[0]))
#define GIVE_BACK 7

static void end(struct qcow2 *q, int error)
{
	struct qcow2_commit *c = &q->commit;

	c->busy = false;
	qcow2_wake(&c->now, error);
	if (error)
		qcow2_wake(&q->alloc.waiting, error);
	qcow2_wake(&c->done, error);
	qcow2_wake(&q->pages.room, error);
	if (c->next.first || c->wanted)
		qcow2_commit_soon(q);
	else if (q->pages.dirty[QCOW2_TABLES])
		qcow2_commit_later(q);
}

/* What was waited for has come, or not. */
static bool waited(struct qcow2_commit *c)
{
	unsigned int flags = steps[c->step].flags;

	if (!c->waiting || flags & AGAIN)
		return true;
	if (c->task.error && flags & FLUSH)
		c->lost = true;
	c->step++;
	return !c->task.error;
}

/* More may be left to give back than there is memory for at once; flushes come first. */
static bool is_over(struct qcow2 *q)
{
	struct qcow2_commit *c = &q->commit;

	if (c->step < STEPS)
		return false;
	if (!q->alloc.unused.count || c->next.first || c->wanted)
		return true;
	c->step = GIVE_BACK;
	return false;
}

static void go_on(struct qcow2_task *t)
{
	struct qcow2 *q = t->q;
	struct qcow2_commit *c = &q->commit;
	int r = waited(c) ? 0 : t->error;

	for (c->waiting = false; !r && !is_over(q); c->step += !r) {
		r = steps[c->step].go(q);
		t->error = 0;
	}
	c->waiting = r == QCOW2_WAIT;
	if (!c->waiting)
		end(q, r);
}

void qcow2_commit_soon(struct qcow2 *q)
{
	struct qcow2_commit *c = &q->commit;

	c->wanted = true;
	if (c->busy)
		return;
	c->busy = true;
	c->step = 0;
	qcow2_ready(&c->task, 0);
}

void qcow2_commit_later(struct qcow2 *q)
{
	struct itimerspec when = {.it_value.tv_nsec = LATER_NS};
	struct qcow2_commit *c = &q->commit;

	if (!c->busy && !c->timer_set)
		c->timer_set = !timerfd_settime(c->timer.fd, 0, &when, NULL);
}

void qcow2_flush(struct qcow2 *q, struct qcow2_task *t)
{
	qcow2_wait(&q->commit.next, t);
	qcow2_commit_soon(q);
}

static void timer_ready(struct loop_source *s, uint32_t events)
{
	struct qcow2 *q = s->owner;
	uint64_t n;

	(void)events;
	q->commit.timer_set = false;
	if (read(s->fd, &n, sizeof(n)) == sizeof(n))
		qcow2_commit_soon(q);
	qcow2_progress(q->chain);
}

int qcow2_commit_init(struct qcow2 *q)
{
	struct qcow2_commit *c = &q->commit;

	c->task = (struct qcow2_task){.step = go_on, .q = q};
	c->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	c->timer.ready = timer_ready;
	c->timer.owner = q;
	if (c->timer.fd < 0)
		return err_errno("timer");
	return loop_add(q->chain->loop, &c->timer, EPOLLIN);
}

/* Also of an image that was not opened whole, or is only read: without a timer. */
void qcow2_commit_end(struct qcow2 *q)
{
	if (q->commit.timer.fd < 0)
		return;
	loop_remove(q->chain->loop, &q->commit.timer);
	close(q->commit.timer.fd);
}
