/*
 * An open file: its requests given to whoever does them.
 *
 * A write that does not cover whole blocks, where the host insists on whole ones (O_DIRECT on
 * a disk of 4096-byte sectors), is a read, a change and a write: it runs alone, lest it
 * undoes a neighbour's write to the same block.
 *
 * A file of a tmpfs is in memory, but the kernel does not know to say so: io_uring would have a
 * thread of its own wait for each request (no FMODE_NOWAIT). It is read and written at once.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/engine.h"

#define THREADS     8 /* without io_uring: how many requests at once */
#define ODD_THREADS 2 /* with it */

void file_queue_init(struct file_queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void file_queue_put(struct file_queue *q, struct file_request *r)
{
	r->next = NULL;
	*q->end = r;
	q->end = &r->next;
}

struct file_request *file_queue_take(struct file_queue *q)
{
	struct file_request *r = q->first;

	if (r)
		q->first = r->next;
	if (!q->first)
		q->end = &q->first;
	return r;
}

/* ---- requests ---- */

static bool whole_blocks(const struct file *f, const struct file_request *r)
{
	return !f->info.direct || (r->offset | r->bytes) % f->info.block_bytes == 0;
}

static bool aligned(const struct file *f, const struct file_request *r)
{
	if (!whole_blocks(f, r))
		return false;
	for (unsigned int i = 0; f->info.direct && i < r->iov_count; i++)
		if ((uintptr_t)r->iov[i].iov_base % f->memory_align ||
		    r->iov[i].iov_len % f->info.block_bytes)
			return false;
	return true;
}

static bool must_be_alone(const struct file *f, const struct file_request *r)
{
	return r->op != DISK_READ && r->op != DISK_FLUSH && !whole_blocks(f, r);
}

static void give(struct file *f, struct file_request *r)
{
	bool data = r->op == DISK_READ || r->op == DISK_WRITE;

	if (f->in_memory && (data || r->op == DISK_FLUSH))
		file_queue_put(&f->at_once, r);
	else if (f->uring && (r->op == DISK_FLUSH || (data && aligned(f, r))))
		uring_submit(f->uring, r);
	else
		workers_submit(f->workers, r);
}

static void begin(struct file *f, struct file_request *r)
{
	f->begun++;
	f->exclusive = must_be_alone(f, r);
	give(f, r);
}

static bool may_begin(const struct file *f, const struct file_request *r)
{
	return !f->exclusive && (!f->begun || !must_be_alone(f, r));
}

void file_submit(struct file *f, struct file_request *r)
{
	f->in_flight++;
	r->file = f;
	if (!f->waiting.first && may_begin(f, r))
		begin(f, r);
	else
		file_queue_put(&f->waiting, r);
}

void file_finished(struct file *f, struct file_request *r, int error)
{
	f->begun--;
	f->exclusive = false;
	while (f->waiting.first && may_begin(f, f->waiting.first))
		begin(f, file_queue_take(&f->waiting));
	f->in_flight--;
	f->answered = true;
	r->done(r, error);
}

void file_advanced(struct file *f, struct file_request *r, size_t n)
{
	if (n < r->bytes && n) {
		file_skip(r, n);
		give(f, r);
		return;
	}
	file_finished(f, r, n ? 0 : file_at_end(f, r));
}

static void end_batch(struct file *f)
{
	if (!f->answered)
		return;
	f->answered = false;
	if (f->batch)
		f->batch->end(f->batch->owner);
}

static bool run_at_once(struct file *f)
{
	struct file_request *r;
	bool any = false;

	while ((r = file_queue_take(&f->at_once))) {
		any = true;
		file_finished(f, r, file_execute(f, r));
	}
	return any;
}

void file_run(struct file *f)
{
	bool any = true;

	if (f->running)
		return;
	f->running = true;
	while (any) {
		any = run_at_once(f);
		any |= f->uring && uring_run(f->uring);
		any |= workers_run(f->workers);
	}
	f->running = false;
	end_batch(f);
}

void file_drain(struct file *f)
{
	while (f->in_flight) {
		file_run(f);
		if (workers_busy(f->workers))
			workers_wait(f->workers);
		else if (f->in_flight)
			uring_wait(f->uring);
	}
	end_batch(f);
}

int file_transfer(struct file *f, enum disk_op op, uint64_t offset, void *data, size_t bytes)
{
	struct iovec iov = {data, bytes};
	struct file_request r = {
		.op = op, .offset = offset, .bytes = bytes, .iov = &iov, .iov_count = 1};

	return file_execute(f, &r);
}

int file_resize(struct file *f, uint64_t bytes)
{
	if (ftruncate(f->fd, (off_t)bytes))
		return errno;
	f->info.bytes = bytes;
	return 0;
}

/* ---- life ---- */

static void start_ring(struct file *f)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	f->uring = uring_create(f);
	f->info.engine = f->uring ? "io_uring" : "threads";
	if (!f->uring && !atomic_flag_test_and_set(&said))
		fprintf(stderr,
			"strata-vmm: no io_uring for disks (%s; is kernel.io_uring_disabled "
			"set?); threads do their work, which is slower\n",
			strerror(errno));
}

static int start_engine(struct file *f)
{
	f->info.engine = "memory";
	if (!f->in_memory)
		start_ring(f);
	f->workers = workers_create(f, f->uring || f->in_memory ? ODD_THREADS : THREADS);
	return f->workers ? 0 : -1;
}

struct file *file_open(const char *path, unsigned int flags, struct loop *loop,
		       const struct file_batch *batch)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f || !(f->path = strdup(path))) {
		err_errno("disk %s", path);
		free(f);
		return NULL;
	}
	f->fd = -1;
	f->flags = flags;
	f->info.readonly = flags & FILE_READONLY;
	f->info.direct = flags & FILE_DIRECT;
	f->loop = loop;
	f->batch = batch;
	file_queue_init(&f->waiting);
	file_queue_init(&f->at_once);
	if (file_find(f) || start_engine(f)) {
		file_close(f);
		return NULL;
	}
	return f;
}

void file_close(struct file *f)
{
	if (!f)
		return;
	uring_destroy(f->uring);
	workers_destroy(f->workers);
	if (f->fd >= 0) {
		flock(f->fd, LOCK_UN); /* the ring lets go of the file only later */
		close(f->fd);
	}
	free(f->path);
	free(f);
}

const struct file_info *file_info(const struct file *f)
{
	return &f->info;
}
