/*
 * An open file: found out about, locked, and its requests given to whoever does them.
 *
 * A write that does not cover whole blocks, where the host insists on whole ones (O_DIRECT on
 * a disk of 4096-byte sectors), is a read, a change and a write: it runs alone, lest it
 * undoes a neighbour's write to the same block.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/engine.h"

#define THREADS       8 /* without io_uring: how many requests at once */
#define ODD_THREADS   2 /* with it */
#define LOCK_WAIT_NS  500000000
#define LOCK_TRIES    50
#define DIRECT_BLOCK  4096
#define DIRECT_MEMORY 512

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

static bool for_ring(const struct file *f, const struct file_request *r)
{
	if (!f->uring)
		return false;
	return r->op == DISK_FLUSH ||
	       ((r->op == DISK_READ || r->op == DISK_WRITE) && aligned(f, r));
}

static void give(struct file *f, struct file_request *r)
{
	if (for_ring(f, r))
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

void file_run(struct file *f)
{
	bool any = true;

	if (f->running)
		return;
	f->running = true;
	while (any) {
		any = f->uring && uring_run(f->uring);
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

/* ---- opening ---- */

static int find_size(struct file *f, const struct stat *st)
{
	f->info.block_device = S_ISBLK(st->st_mode);
	f->info.bytes = (uint64_t)st->st_size;
	if (f->info.block_device && ioctl(f->fd, BLKGETSIZE64, &f->info.bytes))
		return err_errno("disk %s: cannot find out its size", f->path);
	if (!f->info.block_device && !S_ISREG(st->st_mode))
		return err_set("disk %s is neither a file nor a block device", f->path);
	return 0;
}

/* What O_DIRECT asks for here; a kernel before 6.1 does not say, then what always does. */
static void find_alignment(struct file *f)
{
	unsigned int sector = 0;
	struct statx x;

	f->info.block_bytes = DISK_BLOCK_MIN;
	if (f->info.block_device && !ioctl(f->fd, BLKSSZGET, &sector) &&
	    sector > DISK_BLOCK_MIN)
		f->info.block_bytes = sector;
	if (!f->info.direct)
		return;
	f->memory_align = f->info.block_device ? DIRECT_MEMORY : DIRECT_BLOCK;
	if (!f->info.block_device)
		f->info.block_bytes = DIRECT_BLOCK;
#ifdef STATX_DIOALIGN
	if (!statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) &&
	    x.stx_mask & STATX_DIOALIGN && x.stx_dio_offset_align) {
		f->memory_align = x.stx_dio_mem_align;
		if (x.stx_dio_offset_align > DISK_BLOCK_MIN)
			f->info.block_bytes = x.stx_dio_offset_align;
		else
			f->info.block_bytes = DISK_BLOCK_MIN;
	}
#endif
}

static bool device_discards(dev_t device)
{
	unsigned long long max = 0;
	char path[80];
	FILE *file;

	/* A partition's limits are those of the disk it is on. */
	for (int i = 0; i < 2 && !max; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/discard_max_bytes",
			 major(device), minor(device), i ? "../" : "");
		file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &max) != 1)
			max = 0;
		if (file)
			fclose(file);
	}
	return max;
}

/* A hole behind the end of the file changes nothing, and tells whether there can be one. */
static bool file_discards(const struct file *f)
{
	struct file_request r = {
		.op = DISK_DISCARD, .offset = f->info.bytes, .bytes = DIRECT_BLOCK};

	return file_punch(f, &r) == 0;
}

/* A VM that was killed lets go of its disk only when the kernel has ended its I/O. */
static int lock(struct file *f)
{
	const struct timespec moment = {.tv_nsec = LOCK_WAIT_NS / LOCK_TRIES};
	int how = (f->info.readonly ? LOCK_SH : LOCK_EX) | LOCK_NB;

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(f->fd, how))
			return 0;
		if (errno != EWOULDBLOCK)
			return err_errno("disk %s: cannot lock it", f->path);
		nanosleep(&moment, NULL);
	}
	return err_set("disk %s is in use by another VM; two of them would destroy it "
		       "(readonly may be shared)",
		       f->path);
}

static int open_fd(struct file *f)
{
	bool readonly = f->info.readonly;
	int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	f->fd = open(f->path, flags | (f->info.direct ? O_DIRECT : 0));
	if (f->fd < 0 && f->info.direct && errno == EINVAL)
		return err_set("disk %s: its file system cannot pass the page cache by; leave "
			       "out cache=direct",
			       f->path);
	if (f->fd < 0)
		return err_errno("disk %s: cannot open it for %s", f->path,
				 readonly ? "reading" : "reading and writing");
	return lock(f);
}

static int look(struct file *f)
{
	struct stat st;

	if (fstat(f->fd, &st))
		return err_errno("disk %s", f->path);
	if (find_size(f, &st))
		return -1;
	find_alignment(f);
	if (!f->info.readonly)
		f->info.discard =
			f->info.block_device ? device_discards(st.st_rdev) : file_discards(f);
	return 0;
}

static int start_engine(struct file *f)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	f->uring = uring_create(f);
	f->info.engine = f->uring ? "io_uring" : "threads";
	if (!f->uring && !atomic_flag_test_and_set(&said))
		fprintf(stderr,
			"strata-vmm: no io_uring for disks (%s; is kernel.io_uring_disabled "
			"set?); threads do their work, which is slower\n",
			strerror(errno));
	f->workers = workers_create(f, f->uring ? ODD_THREADS : THREADS);
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
	if (open_fd(f) || look(f) || start_engine(f)) {
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
