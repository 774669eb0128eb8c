/*
 * Fuzzes qcow2 images: the input is a seed and an image, which is opened as it is, and gets
 * requests of all kinds, many at once, which end in any order; some of what the host is asked
 * for may fail. The image may be refused, and requests may fail; all are answered, and memory
 * is not touched that should not be.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/vmm/fake_file.h"
#include "vmm/block/disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define SEED_BYTES  4
#define BELOW_BYTES 40000 /* and not whole clusters */
#define ROUNDS      6
#define PIECES      12
#define PIECE_BYTES (48u << 10)
#define NEAR        (96u << 10)

struct piece {
	struct disk_request r;
	struct iovec iov[2];
	unsigned int answers;
	uint8_t *data;
};

static const struct argument table[] = {DISK_ARGUMENTS, {NULL, NULL, false, NULL}};
static char folder[] = "/dev/shm/strata-fuzz-qcow2.XXXXXX";
static char image[64], below[64];
static struct loop *loop;
static uint64_t state;

static uint64_t some(uint64_t limit)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 24) % limit;
}

static void store(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, size, f) != size || fclose(f))
		abort();
}

static void clean_up(void)
{
	unlink(image);
	unlink(below);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t data[BELOW_BYTES];

	(void)argc, (void)argv;
	stderr = fopen("/dev/null", "w"); /* what the VMM says; the fuzzer has its own */
	loop = loop_create("fuzz");
	if (!stderr || !loop || !mkdtemp(folder))
		abort();
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(below, sizeof(below), "%s/below", folder);
	memset(data, 0xb5, sizeof(data));
	store(below, data, sizeof(data));
	return atexit(clean_up);
}

static void done(struct disk_request *r, int error)
{
	((struct piece *)r->owner)->answers++;
	(void)error;
}

/* Near the start mostly, where there is something; near the end; anywhere. */
static uint64_t place(uint64_t disk, uint64_t bytes)
{
	uint64_t room = (disk - bytes) / DISK_SECTOR_BYTES + 1, near = NEAR / DISK_SECTOR_BYTES;
	uint64_t sector = some(room < near ? room : near);

	switch (some(8)) {
	case 0:
		return (room - 1 - sector) * DISK_SECTOR_BYTES;
	case 1:
		return some(room) * DISK_SECTOR_BYTES;
	default:
		return sector * DISK_SECTOR_BYTES;
	}
}

static void submit(struct disk *d, struct piece *p)
{
	static const enum disk_op ops[] = {DISK_READ,        DISK_WRITE, DISK_WRITE,
					   DISK_WRITE,       DISK_FLUSH, DISK_DISCARD,
					   DISK_WRITE_ZEROES};
	uint64_t disk = disk_info(d)->bytes, most = disk < PIECE_BYTES ? disk : PIECE_BYTES,
		 cut;

	p->answers = 0;
	p->r = (struct disk_request){.op = ops[some(sizeof(ops) / sizeof(ops[0]))],
				     .may_unmap = some(2),
				     .done = done,
				     .owner = p};
	p->r.bytes = (1 + some(most / DISK_SECTOR_BYTES)) * DISK_SECTOR_BYTES;
	p->r.offset = place(disk, p->r.bytes);
	p->data = p->r.op == DISK_READ || p->r.op == DISK_WRITE ? malloc(p->r.bytes) : NULL;
	if (p->data) {
		memset(p->data, (int)some(256), p->r.bytes);
		cut = 1 + some(p->r.bytes - 1);
		p->iov[0] = (struct iovec){p->data, cut};
		p->iov[1] = (struct iovec){p->data + cut, p->r.bytes - cut};
		p->r.iov = p->iov;
		p->r.iov_count = 2;
	}
	disk_submit(d, &p->r);
}

static void use(struct disk *d)
{
	struct piece piece[PIECES];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < PIECES; i++) {
			submit(d, &piece[i]);
			if (some(4) == 0)
				disk_run(d);
		}
		disk_drain(d);
		for (int i = 0; i < PIECES; i++) {
			if (piece[i].answers != 1)
				abort();
			free(piece[i].data);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arguments a;
	struct disk *d;
	char text[160];
	uint32_t seed;

	if (size < SEED_BYTES)
		return 0;
	memcpy(&seed, data, sizeof(seed));
	state = seed;
	store(image, data + SEED_BYTES, size - SEED_BYTES);
	fake_file_reset(seed);
	if (some(4) == 0)
		fake_file_fail((int)some(4), (unsigned int)some(60), 1 + (unsigned int)some(20),
			       some(2) ? ENOSPC : EIO);
	snprintf(text, sizeof(text), "file=%s,format=qcow2%s", image,
		 some(8) ? "" : ",readonly");
	if (arguments_parse(&a, text, table))
		abort();
	d = disk_open(&a, loop);
	if (d)
		use(d);
	disk_close(d);
	arguments_free(&a);
	return 0;
}
