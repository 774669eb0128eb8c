/* A disk in memory: see fake_disk.h. */
#include "tests/unit/vmm/fake_disk.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct fake_disk fake_disk;

static struct disk_request *first, **end = &first;
static void (*batch_end)(void *owner);
static void *batch_owner;
static bool running;

void fake_disk_reset(void)
{
	memset(&fake_disk, 0, offsetof(struct fake_disk, data));
	fake_disk.info = (struct disk_info){.bytes = FAKE_DISK_BYTES,
					    .discard = true,
					    .discard_zeroes = true,
					    .block_bytes = 512};
	first = NULL;
	end = &first;
	running = false;
}

void fake_disk_fill(void)
{
	for (size_t i = 0; i < FAKE_DISK_BYTES; i++)
		fake_disk.data[i] = (uint8_t)(i * 7 + i / 512);
}

int disk_check(const struct arguments *a)
{
	(void)a;
	return 0;
}

struct disk *disk_open(const struct arguments *a, struct loop *loop)
{
	(void)a;
	(void)loop;
	return (struct disk *)&fake_disk;
}

void disk_close(struct disk *d)
{
	(void)d;
	if (first)
		abort(); /* something is in flight */
}

const struct disk_info *disk_info(const struct disk *d)
{
	(void)d;
	return &fake_disk.info;
}

void disk_submit(struct disk *d, struct disk_request *r)
{
	(void)d;
	r->next = NULL;
	*end = r;
	end = &r->next;
	fake_disk.held++;
}

static size_t length(const struct disk_request *r)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < r->iov_count; i++)
		bytes += r->iov[i].iov_len;
	return bytes;
}

static void transfer(const struct disk_request *r)
{
	uint8_t *at = fake_disk.data + r->offset;

	if (length(r) != r->bytes || r->iov_count > DISK_IOVS_MAX)
		abort();
	for (unsigned int i = 0; i < r->iov_count; i++) {
		if (r->op == DISK_READ)
			memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
		else
			memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
		at += r->iov[i].iov_len;
	}
}

static int execute(const struct disk_request *r)
{
	if (fake_disk.error)
		return fake_disk.error;
	if (r->op == DISK_FLUSH)
		return 0;
	if (fake_disk.info.readonly && r->op != DISK_READ)
		return EROFS;
	if (!r->bytes || r->bytes > FAKE_DISK_BYTES || r->offset > FAKE_DISK_BYTES - r->bytes)
		return EINVAL;
	if (r->op == DISK_READ || r->op == DISK_WRITE)
		transfer(r);
	else
		memset(fake_disk.data + r->offset, 0, r->bytes);
	return 0;
}

static void answer_all(void)
{
	bool any = first;

	if (running)
		return;
	running = true;
	while (first) {
		struct disk_request *r = first;

		first = r->next;
		if (!first)
			end = &first;
		memmove(fake_disk.past + 1, fake_disk.past,
			sizeof(fake_disk.past) - sizeof(fake_disk.past[0]));
		fake_disk.past[0] = *r;
		fake_disk.held--;
		fake_disk.answered++;
		r->done(r, execute(r));
	}
	running = false;
	if (any && batch_end)
		batch_end(batch_owner);
}

void disk_run(struct disk *d)
{
	void (*working)(void) = fake_disk.working;

	(void)d;
	fake_disk.working = NULL;
	if (working)
		working();
	if (!fake_disk.hold)
		answer_all();
}

void disk_drain(struct disk *d)
{
	(void)d;
	answer_all();
}

void disk_on_batch_end(struct disk *d, void (*fn)(void *owner), void *owner)
{
	(void)d;
	batch_end = fn;
	batch_owner = owner;
}

/* A disk of memory is as fast as it is. */
struct limits *disk_limits_of(struct disk *d)
{
	(void)d;
	return NULL;
}

void disk_status(struct disk *d, json_t *into)
{
	(void)d;
	json_object_set_new(into, "file", json_string("fake"));
}
