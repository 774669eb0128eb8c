/* Files in memory, which may lose what was not flushed. */
#include "tests/unit/vmm/fake_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/file.h"

#define SECTOR 512

/* One sector's content that is not yet safe, in order of writing. */
struct unsafe {
	uint64_t offset;
	uint8_t data[SECTOR];
};

struct file {
	struct file_info info;
	unsigned int flags;
	char *path;
	const struct file_batch *batch;
	uint8_t *now, *safe; /* as a reader sees it; as the host's disk has it */
	uint64_t bytes, safe_bytes, room;
	struct unsafe *unsafe;
	size_t unsafe_count, unsafe_room;
	struct file_request **pending;
	unsigned int pending_count, pending_room;
};

static struct {
	uint64_t random, finished, die_at;
	enum fake_death how;
	bool dead;
	int fail_op, fail_error;
	unsigned int fail_nth, fail_count;
} fake;

void fake_file_reset(uint64_t seed)
{
	memset(&fake, 0, sizeof(fake));
	fake.random = seed * 0x9e3779b97f4a7c15ULL + 1;
	fake.die_at = UINT64_MAX;
	fake.fail_op = -1;
}

void fake_file_die_after(uint64_t requests, enum fake_death how)
{
	fake.die_at = fake.finished + requests;
	fake.how = how;
}

bool fake_file_is_dead(void)
{
	return fake.dead;
}

void fake_file_revive(void)
{
	fake.dead = false;
	fake.die_at = UINT64_MAX;
}

void fake_file_fail(int op, unsigned int nth, unsigned int count, int error)
{
	fake.fail_op = op;
	fake.fail_nth = nth;
	fake.fail_count = count;
	fake.fail_error = error;
}

uint64_t fake_file_finished(void)
{
	return fake.finished;
}

static uint64_t some(uint64_t limit)
{
	fake.random ^= fake.random << 13;
	fake.random ^= fake.random >> 7;
	fake.random ^= fake.random << 17;
	return fake.random % limit;
}

/* ---- content ---- */

static void make_room(struct file *f, uint64_t bytes)
{
	uint64_t room = f->room ? f->room : 4096;

	while (room < bytes)
		room *= 2;
	if (room == f->room)
		return;
	f->now = realloc(f->now, room);
	f->safe = realloc(f->safe, room);
	memset(f->now + f->room, 0, room - f->room);
	memset(f->safe + f->room, 0, room - f->room);
	f->room = room;
}

/* Write to what a reader sees, and note the sectors. */
static void put(struct file *f, uint64_t offset, const void *data, uint64_t bytes)
{
	uint64_t first = offset / SECTOR, last = (offset + bytes - 1) / SECTOR;

	make_room(f, (last + 1) * SECTOR);
	memcpy(f->now + offset, data, bytes);
	if (offset + bytes > f->bytes)
		f->bytes = offset + bytes;
	for (uint64_t s = first; s <= last; s++) {
		if (f->unsafe_count == f->unsafe_room) {
			f->unsafe_room = f->unsafe_room ? f->unsafe_room * 2 : 256;
			f->unsafe = realloc(f->unsafe, f->unsafe_room * sizeof(*f->unsafe));
		}
		f->unsafe[f->unsafe_count] = (struct unsafe){.offset = s * SECTOR};
		memcpy(f->unsafe[f->unsafe_count++].data, f->now + s * SECTOR, SECTOR);
	}
}

static void get(struct file *f, uint64_t offset, uint8_t *data, uint64_t bytes)
{
	uint64_t have = offset < f->bytes ? f->bytes - offset : 0;

	have = have < bytes ? have : bytes;
	if (have)
		memcpy(data, f->now + offset, have);
	memset(data + have, 0, bytes - have);
}

static void make_safe(struct file *f)
{
	memcpy(f->safe, f->now, f->bytes);
	f->safe_bytes = f->bytes;
	f->unsafe_count = 0;
}

static void store(const struct file *f, const uint8_t *data, uint64_t bytes)
{
	int fd = open(f->path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	close(fd);
}

/* Of the sectors that are not safe any may have made it, each in the order of its writes. */
static void lose_some(struct file *f)
{
	unsigned int odds = (unsigned int)some(5);

	for (size_t i = 0; i < f->unsafe_count; i++) {
		struct unsafe *u = &f->unsafe[i];

		if (some(4) >= odds)
			continue;
		memcpy(f->safe + u->offset, u->data, SECTOR);
		if (u->offset + SECTOR > f->safe_bytes)
			f->safe_bytes = u->offset + SECTOR;
	}
	store(f, f->safe, f->safe_bytes);
}

/* ---- requests ---- */

static void transfer(struct file *f, struct file_request *r)
{
	uint64_t offset = r->offset;

	for (unsigned int i = 0; i < r->iov_count; i++) {
		if (r->op == DISK_READ)
			get(f, offset, r->iov[i].iov_base, r->iov[i].iov_len);
		else if (r->iov[i].iov_len)
			put(f, offset, r->iov[i].iov_base, r->iov[i].iov_len);
		offset += r->iov[i].iov_len;
	}
	if (offset != r->offset + r->bytes)
		abort(); /* a caller's mistake */
}

static void zero(struct file *f, const struct file_request *r)
{
	uint64_t end = r->offset + r->bytes;
	void *zeroes;

	end = end < f->bytes ? end : f->bytes;
	if (r->offset >= end)
		return;
	zeroes = calloc(1, end - r->offset);
	put(f, r->offset, zeroes, end - r->offset);
	free(zeroes);
}

static bool fails(enum disk_op op)
{
	if ((int)op != fake.fail_op)
		return false;
	if (fake.fail_nth) {
		fake.fail_nth--;
		return false;
	}
	if (!fake.fail_count)
		return false;
	fake.fail_count--;
	return true;
}

static int execute(struct file *f, struct file_request *r)
{
	if (fake.dead)
		return EIO;
	if (fails(r->op))
		return fake.fail_error;
	if (f->info.readonly && r->op != DISK_READ && r->op != DISK_FLUSH)
		abort();
	if (r->op == DISK_READ || r->op == DISK_WRITE)
		transfer(f, r);
	else if (r->op == DISK_FLUSH)
		make_safe(f);
	else
		zero(f, r);
	if (++fake.finished >= fake.die_at)
		fake.dead = true;
	return 0;
}

void file_submit(struct file *f, struct file_request *r)
{
	if (f->pending_count == f->pending_room) {
		f->pending_room = f->pending_room ? f->pending_room * 2 : 64;
		f->pending = realloc(f->pending, f->pending_room * sizeof(*f->pending));
	}
	f->pending[f->pending_count++] = r;
}

static void finish_one(struct file *f)
{
	unsigned int i = (unsigned int)some(f->pending_count);
	struct file_request *r = f->pending[i];
	int error;

	f->pending[i] = f->pending[--f->pending_count];
	error = execute(f, r);
	r->done(r, error);
	if (f->batch)
		f->batch->end(f->batch->owner);
}

void file_run(struct file *f)
{
	for (uint64_t n = some(3); n && f->pending_count; n--)
		finish_one(f);
}

void file_drain(struct file *f)
{
	/* Not all at once: other files have their turn, too. */
	for (uint64_t n = f->pending_count ? 1 + some(8) : 0; n && f->pending_count; n--)
		finish_one(f);
}

int file_transfer(struct file *f, enum disk_op op, uint64_t offset, void *data, size_t bytes)
{
	struct iovec iov = {data, bytes};
	struct file_request r = {
		.op = op, .offset = offset, .bytes = bytes, .iov = &iov, .iov_count = 1};

	return execute(f, &r);
}

/* ---- life ---- */

struct file *file_open(const char *path, unsigned int flags, struct loop *loop,
		       const struct file_batch *batch)
{
	struct file *f = calloc(1, sizeof(*f));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	(void)loop;
	if (!f || fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		err_errno("disk %s: cannot open it", path);
		if (fd >= 0)
			close(fd);
		free(f);
		return NULL;
	}
	f->path = strdup(path);
	f->flags = flags;
	f->batch = batch;
	f->bytes = (uint64_t)st.st_size;
	make_room(f, f->bytes);
	if (read(fd, f->now, f->bytes) != (ssize_t)f->bytes)
		abort();
	close(fd);
	make_safe(f);
	f->info = (struct file_info){.bytes = f->bytes,
				     .readonly = flags & FILE_READONLY,
				     .discard = true,
				     .block_bytes = SECTOR,
				     .engine = "fake"};
	return f;
}

void file_close(struct file *f)
{
	if (!f)
		return;
	if (f->pending_count)
		abort();
	if (!f->info.readonly && fake.dead && fake.how == FAKE_POWER)
		lose_some(f);
	else if (!f->info.readonly)
		store(f, f->now, f->bytes);
	free(f->now);
	free(f->safe);
	free(f->unsafe);
	free(f->pending);
	free(f->path);
	free(f);
}

const struct file_info *file_info(const struct file *f)
{
	return &f->info;
}
