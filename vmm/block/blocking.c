/*
 * A request done by the thread that asks, all of it: with the steps that follow when the
 * kernel does not have what is asked for, and with a buffer of our own where the caller's is
 * not aligned as O_DIRECT wants it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/block/engine.h"
#include "vmm/virtio/iov.h"

#define BOUNCE_BYTES (256 << 10)
#define BOUNCE_ALIGN 4096
#define ZERO_BYTES   (64 << 10)

void file_skip(struct file_request *r, size_t n)
{
	r->offset += n;
	r->bytes -= n;
	while (r->iov_count && n >= r->iov->iov_len) {
		n -= r->iov->iov_len;
		r->iov++;
		r->iov_count--;
	}
	if (n) {
		r->iov->iov_base = (char *)r->iov->iov_base + n;
		r->iov->iov_len -= n;
	}
}

int file_at_end(const struct file *f, struct file_request *r)
{
	if (r->op != DISK_READ || !(f->flags & FILE_GROWS))
		return EIO; /* it has been cut short */
	for (unsigned int i = 0; i < r->iov_count; i++)
		memset(r->iov[i].iov_base, 0, r->iov[i].iov_len);
	r->bytes = 0;
	return 0;
}

static int move(const struct file *f, struct file_request *r)
{
	while (r->bytes) {
		ssize_t n =
			r->op == DISK_WRITE
				? pwritev(f->fd, r->iov, (int)r->iov_count, (off_t)r->offset)
				: preadv(f->fd, r->iov, (int)r->iov_count, (off_t)r->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n)
			return file_at_end(f, r);
		file_skip(r, (size_t)n);
	}
	return 0;
}

/* Fill the buffer from the file, as far as there is one; the rest with zeroes. The number of
 * bytes the file had, or -errno. */
static ssize_t fill(const struct file *f, char *buffer, size_t bytes, uint64_t offset)
{
	size_t have = 0;

	while (have < bytes) {
		ssize_t n = pread(f->fd, buffer + have, bytes - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		if (!n || (size_t)n % f->info.block_bytes) /* the end, maybe amid a block */
			break;
	}
	memset(buffer + have, 0, bytes - have);
	return (ssize_t)have;
}

static int spill(const struct file *f, const char *buffer, size_t bytes, uint64_t offset)
{
	while (bytes) {
		ssize_t n = pwrite(f->fd, buffer, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		buffer += n;
		bytes -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

/* As much of the request as the buffer takes: the blocks around it are read, if it is not
 * made of whole ones or is a read itself. */
static int bounce_some(const struct file *f, struct file_request *r, char *buffer)
{
	size_t block = f->info.block_bytes;
	size_t skip = r->offset % block;
	size_t part = r->bytes < BOUNCE_BYTES - skip ? r->bytes : BOUNCE_BYTES - skip;
	size_t whole = (skip + part + block - 1) / block * block;
	bool read = r->op == DISK_READ;
	ssize_t have = (ssize_t)whole;
	int error = 0;

	if (read || skip || part != whole)
		have = fill(f, buffer, whole, r->offset - skip);
	if (have < 0)
		return (int)-have;
	if (read && !(f->flags & FILE_GROWS) && (size_t)have < skip + part)
		return EIO;
	if (read) {
		iov_copy_to(r->iov, r->iov_count, 0, buffer + skip, part);
	} else {
		iov_copy_from(r->iov, r->iov_count, 0, buffer + skip, part);
		error = spill(f, buffer, whole, r->offset - skip);
	}
	file_skip(r, part);
	return error;
}

static int bounce(const struct file *f, struct file_request *r)
{
	char *buffer = aligned_alloc(BOUNCE_ALIGN, BOUNCE_BYTES);
	int error = buffer ? 0 : ENOMEM;

	while (!error && r->bytes)
		error = bounce_some(f, r, buffer);
	free(buffer);
	return error;
}

static int transfer(const struct file *f, struct file_request *r)
{
	return f->info.direct ? bounce(f, r) : move(f, r);
}

static int write_zeroes(const struct file *f, uint64_t offset, uint64_t bytes)
{
	char *zeroes = calloc(1, ZERO_BYTES);
	int error = zeroes ? 0 : ENOMEM;

	while (!error && bytes) {
		struct iovec iov = {zeroes, bytes < ZERO_BYTES ? bytes : ZERO_BYTES};
		struct file_request w = {.op = DISK_WRITE,
					 .offset = offset,
					 .bytes = iov.iov_len,
					 .iov = &iov,
					 .iov_count = 1};

		offset += iov.iov_len;
		bytes -= iov.iov_len;
		error = transfer(f, &w);
	}
	free(zeroes);
	return error;
}

/* Does this error of fallocate() say that another way must be found? */
static bool another_way(int error)
{
	return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

static int allocate(const struct file *f, int mode, const struct file_request *r)
{
	while (fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)r->offset, (off_t)r->bytes))
		if (errno != EINTR)
			return errno;
	return 0;
}

int file_punch(const struct file *f, const struct file_request *r)
{
	return allocate(f, FALLOC_FL_PUNCH_HOLE, r);
}

static int zero(const struct file *f, const struct file_request *r)
{
	int error = EOPNOTSUPP;

	if (r->may_unmap)
		error = file_punch(f, r);
	if (another_way(error))
		error = allocate(f, FALLOC_FL_ZERO_RANGE, r);
	if (another_way(error))
		error = write_zeroes(f, r->offset, r->bytes);
	return error;
}

static int discard(const struct file *f, const struct file_request *r)
{
	uint64_t range[2] = {r->offset, r->bytes};
	int error = 0;

	if (!f->info.discard)
		return 0;
	if (!f->info.block_device)
		error = file_punch(f, r);
	else if (ioctl(f->fd, BLKDISCARD, range))
		error = errno;
	return another_way(error) ? 0 : error; /* it is advice */
}

static int flush(const struct file *f)
{
	return fdatasync(f->fd) ? errno : 0;
}

int file_execute(const struct file *f, struct file_request *r)
{
	int error = 0;

	switch (r->op) {
	case DISK_READ:
	case DISK_WRITE:
		error = transfer(f, r);
		break;
	case DISK_FLUSH:
		return flush(f);
	case DISK_DISCARD:
		return discard(f, r);
	case DISK_WRITE_ZEROES:
		error = zero(f, r);
		break;
	}
	return !error && r->durable ? flush(f) : error;
}
