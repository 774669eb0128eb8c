/* Random requests, compared with a model. */
#include "tests/tools/disk_random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/err.h"

#define PIECES      24
#define STRETCH_MAX (4U << 20)
#define IOVS        3

struct piece {
	struct disk_request r;
	struct iovec iov[IOVS];
	uint64_t offset, bytes;
	enum disk_op op;
	int error;
};

struct run {
	struct disk *d;
	uint64_t random;
	uint8_t *model, *data;
	uint64_t bytes;
	struct piece piece[PIECES];
};

const char *disk_random_name(enum disk_op op)
{
	static const char *const names[] = {
		[DISK_READ] = "read",
		[DISK_WRITE] = "write",
		[DISK_FLUSH] = "flush",
		[DISK_DISCARD] = "discard",
		[DISK_WRITE_ZEROES] = "write zeroes",
	};

	return names[op];
}

static uint64_t some(struct run *r, uint64_t limit)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random % limit;
}

static void done(struct disk_request *r, int error)
{
	struct piece *p = r->owner;

	p->error = error;
}

/* The buffer in a few pieces of odd sizes. */
static unsigned int cut(struct run *r, struct piece *p, uint8_t *data)
{
	uint64_t left = p->bytes;
	unsigned int n = 0;

	while (n < IOVS - 1 && left > 1) {
		uint64_t part = 1 + some(r, left);

		p->iov[n++] = (struct iovec){data, part};
		data += part;
		left -= part;
		if (!left)
			return n;
	}
	p->iov[n++] = (struct iovec){data, left};
	return n;
}

static void submit(struct run *r, struct piece *p, uint64_t offset, uint64_t bytes,
		   uint8_t *data)
{
	static const enum disk_op ops[] = {DISK_READ,    DISK_WRITE,       DISK_WRITE,
					   DISK_WRITE,   DISK_WRITE,       DISK_READ,
					   DISK_DISCARD, DISK_WRITE_ZEROES};

	p->op = ops[some(r, sizeof(ops) / sizeof(ops[0]))];
	p->offset = offset;
	p->bytes = bytes;
	if (p->op == DISK_WRITE)
		for (uint64_t i = 0; i < bytes; i++)
			data[i] = (uint8_t)(r->random >> (i % 8 * 8)) ^ (uint8_t)(i >> 3);
	p->r = (struct disk_request){.op = p->op,
				     .may_unmap = some(r, 2),
				     .offset = offset,
				     .bytes = bytes,
				     .iov = p->iov,
				     .iov_count = cut(r, p, data),
				     .done = done,
				     .owner = p};
	p->error = -1;
	disk_submit(r->d, &p->r);
}

static bool all_zero(const uint8_t *data, uint64_t bytes)
{
	return !bytes || (!data[0] && !memcmp(data, data + 1, bytes - 1));
}

/* Discarded sectors may be as before, or zeroes. */
static int accept_discard(struct run *r, const struct piece *p)
{
	uint8_t *sector = r->data;
	struct iovec iov = {r->data, p->bytes};
	struct piece read = {.error = -1};

	read.r = (struct disk_request){.op = DISK_READ,
				       .offset = p->offset,
				       .bytes = p->bytes,
				       .iov = &iov,
				       .iov_count = 1,
				       .done = done,
				       .owner = &read};
	disk_submit(r->d, &read.r);
	disk_drain(r->d);
	for (uint64_t i = 0; i < p->bytes;
	     i += DISK_SECTOR_BYTES, sector += DISK_SECTOR_BYTES) {
		uint8_t *model = r->model + p->offset + i;

		if (all_zero(sector, DISK_SECTOR_BYTES))
			memset(model, 0, DISK_SECTOR_BYTES);
		else if (memcmp(sector, model, DISK_SECTOR_BYTES))
			return err_set("discarded byte %" PRIu64 " reads as something else",
				       p->offset + i);
	}
	return read.error;
}

static int settle(struct run *r, const struct piece *p, const uint8_t *data)
{
	uint8_t *model = r->model + p->offset;

	if (p->error)
		return err_set("%s at %" PRIu64 ", %" PRIu64 " bytes: %s",
			       disk_random_name(p->op), p->offset, p->bytes,
			       p->error < 0 ? "never answered" : strerror(p->error));
	if (p->op == DISK_READ && memcmp(model, data, p->bytes))
		return err_set("read at %" PRIu64 ", %" PRIu64 " bytes: not what was written",
			       p->offset, p->bytes);
	if (p->op == DISK_WRITE)
		memcpy(model, data, p->bytes);
	if (p->op == DISK_WRITE_ZEROES)
		memset(model, 0, p->bytes);
	return 0;
}

static int do_round(struct run *r)
{
	uint64_t sectors = r->bytes / DISK_SECTOR_BYTES, start = some(r, sectors), at = 0;
	uint64_t scale = 1ULL << some(r, 10), left = sectors - start;
	unsigned int n = 0;

	if (left > STRETCH_MAX / DISK_SECTOR_BYTES)
		left = STRETCH_MAX / DISK_SECTOR_BYTES;
	for (; n < PIECES && at < left; n++) {
		uint64_t size = 1 + some(r, scale);

		size = size < left - at ? size : left - at;
		submit(r, &r->piece[n], (start + at) * DISK_SECTOR_BYTES,
		       size * DISK_SECTOR_BYTES, r->data + at * DISK_SECTOR_BYTES);
		at += size;
	}
	disk_drain(r->d);
	for (unsigned int i = 0; i < n; i++)
		if (settle(r, &r->piece[i],
			   r->data + (r->piece[i].offset - start * DISK_SECTOR_BYTES)))
			return -1;
	for (unsigned int i = 0; i < n; i++)
		if (r->piece[i].op == DISK_DISCARD && accept_discard(r, &r->piece[i]))
			return -1;
	return 0;
}

int disk_random(struct disk *d, unsigned int rounds, uint64_t seed, const char *model)
{
	struct run *r = calloc(1, sizeof(*r));
	int fd = open(model, O_RDWR | O_CLOEXEC), ret = -1;

	if (!r || fd < 0)
		goto out;
	r->d = d;
	r->random = seed * 0x9e3779b97f4a7c15ULL + 1;
	r->bytes = disk_info(d)->bytes;
	r->data = malloc(STRETCH_MAX);
	r->model = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ret = r->data && r->model != MAP_FAILED ? 0 : -1;
	while (!ret && rounds--)
		ret = do_round(r);
	if (r->model != MAP_FAILED)
		munmap(r->model, r->bytes);
	free(r->data);
out:
	if (ret && !*err_text())
		err_errno("%s", model);
	if (fd >= 0)
		close(fd);
	free(r);
	return ret;
}
