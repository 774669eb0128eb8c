/*
 * Reads, writes and flushes through io_uring: one system call begins a whole batch, and hands
 * back at once what the page cache has. Completions are waited for by polling the ring's own
 * descriptor, so that nothing has to be read to acknowledge them.
 *
 * Guest memory is not registered as fixed buffers: that would pin all of it, resident from
 * the start, and a fixed buffer is one piece where a request has many.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "vmm/block/engine.h"

#define SUBMISSIONS 128
#define IN_FLIGHT   512 /* the size of the completion queue: it cannot overflow */
#define BATCH       32

struct uring {
	struct io_uring ring;
	struct file *file;
	struct loop_source source;
	unsigned int in_flight;
	struct file_queue backlog; /* of what the ring has no room for */
};

static void prepare(const struct file *f, struct io_uring_sqe *sqe,
		    const struct file_request *r)
{
	switch (r->op) {
	case DISK_READ:
		if (r->iov_count == 1)
			io_uring_prep_read(sqe, 0, r->iov->iov_base,
					   (unsigned int)r->iov->iov_len, r->offset);
		else
			io_uring_prep_readv(sqe, 0, r->iov, r->iov_count, r->offset);
		break;
	case DISK_WRITE:
		if (r->iov_count == 1)
			io_uring_prep_write(sqe, 0, r->iov->iov_base,
					    (unsigned int)r->iov->iov_len, r->offset);
		else
			io_uring_prep_writev(sqe, 0, r->iov, r->iov_count, r->offset);
		if (r->durable)
			sqe->rw_flags = RWF_DSYNC;
		break;
	default:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	}
	(void)f;
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, (void *)r);
}

void uring_submit(struct uring *u, struct file_request *r)
{
	struct io_uring_sqe *sqe = NULL;

	if (u->in_flight < IN_FLIGHT && !u->backlog.first)
		sqe = io_uring_get_sqe(&u->ring);
	if (!sqe) {
		file_queue_put(&u->backlog, r);
		return;
	}
	u->in_flight++;
	prepare(u->file, sqe, r);
}

static void submit_backlog(struct uring *u)
{
	while (u->backlog.first && u->in_flight < IN_FLIGHT) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

		if (!sqe)
			return;
		u->in_flight++;
		prepare(u->file, sqe, file_queue_take(&u->backlog));
	}
}

static void finished(struct uring *u, struct file_request *r, int result)
{
	u->in_flight--;
	if (result == -EINTR || result == -EAGAIN)
		uring_submit(u, r);
	else if (result < 0)
		file_finished(u->file, r, -result);
	else if (r->op == DISK_FLUSH)
		file_finished(u->file, r, 0);
	else
		file_advanced(u->file, r, (size_t)result);
}

static unsigned int reap(struct uring *u)
{
	struct io_uring_cqe *cqe[BATCH];
	struct {
		struct file_request *request;
		int result;
	} done[BATCH];
	unsigned int n = io_uring_peek_batch_cqe(&u->ring, cqe, BATCH);

	for (unsigned int i = 0; i < n; i++) {
		done[i].request = io_uring_cqe_get_data(cqe[i]);
		done[i].result = cqe[i]->res;
	}
	/* Given back before anybody is told: he may submit more. */
	io_uring_cq_advance(&u->ring, n);
	for (unsigned int i = 0; i < n; i++)
		finished(u, done[i].request, done[i].result);
	return n;
}

bool uring_run(struct uring *u)
{
	bool any = false;

	submit_backlog(u);
	/* It fails only for want of memory. What it left is in the ring and goes with the next
	 * one. */
	if (io_uring_sq_ready(&u->ring))
		any = io_uring_submit(&u->ring) > 0;
	return reap(u) || any;
}

void uring_wait(struct uring *u)
{
	io_uring_submit_and_wait(&u->ring, 1);
	reap(u);
}

static void ready(struct loop_source *s, uint32_t events)
{
	struct uring *u = s->owner;

	(void)events;
	file_run(u->file);
}

static int ring_init(struct uring *u)
{
	const unsigned int flags[] = {IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN,
				      IORING_SETUP_CQSIZE}; /* before Linux 5.19 */
	int error = 0;

	for (int i = 0; i < 2; i++) {
		struct io_uring_params p = {.flags = flags[i], .cq_entries = IN_FLIGHT};

		error = io_uring_queue_init_params(SUBMISSIONS, &u->ring, &p);
		if (error != -EINVAL)
			break;
	}
	if (!error) {
		error = io_uring_register_files(&u->ring, &u->file->fd, 1);
		if (error)
			io_uring_queue_exit(&u->ring);
	}
	errno = -error;
	return error;
}

struct uring *uring_create(struct file *f)
{
	struct uring *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->file = f;
	file_queue_init(&u->backlog);
	if (ring_init(u))
		goto fail;
	u->source = (struct loop_source){u->ring.ring_fd, ready, u};
	if (loop_add(f->loop, &u->source, EPOLLIN)) {
		io_uring_queue_exit(&u->ring);
		goto fail;
	}
	return u;
fail:
	free(u);
	return NULL;
}

void uring_destroy(struct uring *u)
{
	if (!u)
		return;
	loop_remove(u->file->loop, &u->source);
	io_uring_queue_exit(&u->ring);
	free(u);
}
