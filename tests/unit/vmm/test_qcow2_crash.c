/*
 * qcow2 images whose VMM or host dies: after any request, with what was not flushed there in
 * part, every byte that was flushed is there, every other one is old or new, and the image is
 * without fault, however often. And a host that fails.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/disk_option.h"
#include "tests/unit/vmm/fake_file.h"
#include "tests/unit/vmm/qcow2_check.h"
#include "tests/unit/vmm/qcow2_make.h"
#include "vmm/block/disk.h"

#define SECTOR     512
#define BYTES      (1u << 20)
#define BASE_BYTES (BYTES * 3 / 4)
#define SECTORS    (BYTES / SECTOR)
#define PIECES     12
#define SINCE_MAX  24
#define ZEROES     UINT32_MAX
#define SEEDS      16

static struct loop *loop;
static char base[64], image[64];
static uint64_t state;

/* What a sector may be: any of these versions of it. */
static struct {
	uint32_t version[SINCE_MAX];
	unsigned int count;
	bool unsure; /* the last one may not be there: discarded, or refused by the host */
} sector[SECTORS];

static uint32_t newest;

static uint64_t some(uint64_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

/* Standard error is closed: the VMM says a lot here. */
#define wrong(...)                        \
	do {                              \
		printf("# " __VA_ARGS__); \
		putchar('\n');            \
		fail();                   \
	} while (0)

static void fill(uint8_t *data, uint32_t number, uint32_t version)
{
	uint32_t word[2] = {number, version};

	if (version == ZEROES)
		memset(data, 0, SECTOR);
	else
		for (int i = 0; i < SECTOR / 8; i++)
			memcpy(data + i * 8, word, 8);
}

static uint32_t version_of(const uint8_t *data, uint32_t number)
{
	uint8_t whole[SECTOR];
	uint32_t word[2];

	memcpy(word, data, 8);
	if (!word[0] && !word[1])
		word[1] = ZEROES;
	fill(whole, number, word[1]);
	if (memcmp(whole, data, SECTOR))
		wrong("sector %u is nothing that was ever written: %08x %08x", number, word[0],
		      word[1]);
	return word[1];
}

static void may_be(uint32_t number, uint32_t version, bool unsure)
{
	assert_true(sector[number].count < SINCE_MAX);
	sector[number].version[sector[number].count++] = version;
	sector[number].unsure = unsure;
}

static void all_is_safe(void)
{
	for (uint32_t i = 0; i < SECTORS; i++) {
		if (sector[i].unsure)
			continue;
		sector[i].version[0] = sector[i].version[sector[i].count - 1];
		sector[i].count = 1;
	}
}

static bool is_crowded(void)
{
	for (uint32_t i = 0; i < SECTORS; i++)
		if (sector[i].count > SINCE_MAX - 2)
			return true;
	return false;
}

/* ---- requests ---- */

struct piece {
	struct disk_request r;
	struct iovec iov;
	int error;
};

static void done(struct disk_request *r, int error)
{
	((struct piece *)r->owner)->error = error;
}

static void submit(struct disk *d, struct piece *p, enum disk_op op, uint64_t offset,
		   uint64_t bytes, uint8_t *data)
{
	p->iov = (struct iovec){data, bytes};
	p->error = -1;
	p->r = (struct disk_request){.op = op,
				     .may_unmap = some(2),
				     .offset = offset,
				     .bytes = bytes,
				     .iov = &p->iov,
				     .iov_count = 1,
				     .done = done,
				     .owner = p};
	disk_submit(d, &p->r);
}

static int ask(struct disk *d, enum disk_op op, uint64_t offset, uint64_t bytes, void *data)
{
	struct piece p;

	submit(d, &p, op, offset, bytes, data);
	disk_drain(d);
	assert_true(p.error >= 0);
	return p.error;
}

static void read_back(struct disk *d)
{
	static uint8_t data[BYTES];

	assert_int_equal(ask(d, DISK_READ, 0, BYTES, data), 0);
	for (uint32_t i = 0; i < SECTORS; i++) {
		uint32_t found = version_of(data + i * SECTOR, i);
		bool may = false;

		for (unsigned int v = 0; v < sector[i].count; v++)
			may |= sector[i].version[v] == found;
		if (!may)
			wrong("sector %u is of version %x, safe was %x", i, found,
			      sector[i].version[0]);
		sector[i].version[0] = found;
		sector[i].count = 1;
		sector[i].unsure = false;
	}
}

static void begin_piece(struct disk *d, struct piece *p, uint32_t first, uint32_t count,
			uint8_t *data)
{
	static const enum disk_op ops[] = {DISK_WRITE, DISK_WRITE,        DISK_WRITE,
					   DISK_READ,  DISK_WRITE_ZEROES, DISK_DISCARD};
	enum disk_op op = ops[some(sizeof(ops) / sizeof(ops[0]))];
	uint32_t version = op == DISK_WRITE ? ++newest : ZEROES;

	for (uint32_t i = 0; op != DISK_READ && i < count; i++) {
		fill(data + i * SECTOR, first + i, version);
		may_be(first + i, version, op == DISK_DISCARD);
	}
	submit(d, p, op, (uint64_t)first * SECTOR, (uint64_t)count * SECTOR, data);
}

static void answered(const struct piece *p)
{
	uint32_t first = (uint32_t)(p->r.offset / SECTOR);

	assert_true(p->error >= 0);
	for (uint32_t i = first; p->error && i < first + p->r.bytes / SECTOR; i++)
		sector[i].unsure |= p->r.op != DISK_READ;
}

/* Many requests at once, one beside the other, perhaps a flush among them; then a flush. */
static void do_round(struct disk *d)
{
	static uint8_t data[BYTES];
	static struct piece piece[PIECES + 1];
	uint32_t at = (uint32_t)some(SECTORS), scale = 1u << some(9);
	unsigned int n = 0;

	while (n < PIECES && at < SECTORS) {
		uint32_t count = 1 + (uint32_t)some(scale);

		count = count < SECTORS - at ? count : SECTORS - at;
		begin_piece(d, &piece[n++], at, count, data + at * SECTOR);
		at += count;
		if (some(3) == 0)
			disk_run(d);
	}
	if (some(4) == 0)
		submit(d, &piece[n++], DISK_FLUSH, 0, 0, NULL);
	disk_drain(d);
	for (unsigned int i = 0; i < n; i++)
		answered(&piece[i]);
	if ((some(3) == 0 || is_crowded()) && !ask(d, DISK_FLUSH, 0, 0, NULL))
		all_is_safe();
}

/* ---- lives ---- */

static struct disk *open_disk(void)
{
	struct disk *d;
	char text[192];

	snprintf(text, sizeof(text), "file=%s,format=raw,overlay=%s", base, image);
	d = disk_option_open(text, loop);
	if (!d)
		wrong("%s", err_text());
	return d;
}

static void make_base(void)
{
	static uint8_t data[BASE_BYTES];
	FILE *f = fopen(base, "w");

	for (uint32_t i = 0; i < BASE_BYTES / SECTOR; i++)
		fill(data + i * SECTOR, i, 1);
	assert_int_equal(fwrite(data, 1, sizeof(data), f), sizeof(data));
	fclose(f);
	newest = 1;
	for (uint32_t i = 0; i < SECTORS; i++) {
		sector[i].version[0] = i < BASE_BYTES / SECTOR ? 1 : ZEROES;
		sector[i].count = 1;
		sector[i].unsure = false;
	}
}

static void begin(uint64_t seed, unsigned int cluster_bits, unsigned int order)
{
	fake_file_reset(seed);
	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	make_base();
	qcow2_make(image, cluster_bits, order, BYTES, base);
}

/* One life of a VMM, which ends after so many requests of the file, or in order. */
static void live(uint64_t requests, enum fake_death how)
{
	unsigned int lost = qcow2_check(image).lost;
	struct disk *d = open_disk();
	struct qcow2_check found;

	read_back(d);
	fake_file_die_after(requests, how);
	for (int i = 0; i < 20 && !fake_file_is_dead(); i++)
		do_round(d);
	disk_close(d);
	found = qcow2_check(image);
	assert_int_equal(found.errors, 0);
	if (!fake_file_is_dead())
		assert_true(found.lost <= lost);
	fake_file_revive();
}

static void lives(enum fake_death how)
{
	static const unsigned int bits[] = {9, 12, 16};

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		unsigned int order = seed % 4 ? 4 : (unsigned int)(seed / 4 % 7);

		begin(seed, bits[seed % 3], order);
		for (int i = 0; i < 4; i++)
			live(1 + some(300), how);
		live(UINT32_MAX, how);
		live(1, how);
	}
}

static void test_vmm_killed(void **unused)
{
	(void)unused;
	lives(FAKE_KILLED);
}

static void test_power_lost(void **unused)
{
	(void)unused;
	lives(FAKE_POWER);
}

/* The host refuses some: requests fail, but nothing that was there is lost. */
static void test_host_fails(void **unused)
{
	static const enum disk_op ops[] = {DISK_READ, DISK_WRITE, DISK_WRITE, DISK_DISCARD};

	(void)unused;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct disk *d;

		begin(seed, 12, 4);
		d = open_disk();
		fake_file_fail(ops[seed % 4], (unsigned int)some(200),
			       1 + (unsigned int)some(100), ENOSPC);
		for (int i = 0; i < 12; i++)
			do_round(d);
		fake_file_fail(-1, 0, 0, 0);
		read_back(d);
		for (int i = 0; i < 4; i++)
			do_round(d);
		disk_close(d);
		assert_int_equal(qcow2_check(image).errors, 0);
		live(UINT32_MAX, FAKE_KILLED);
	}
}

/* A flush that failed may have lost anything: no later one says that all is well. */
static void test_flush_fails(void **unused)
{
	static uint8_t data[8192];
	struct disk *d;

	(void)unused;
	begin(1, 12, 4);
	d = open_disk();
	fake_file_fail(DISK_FLUSH, 0, 1, EIO);
	assert_int_equal(ask(d, DISK_FLUSH, 0, 0, NULL), EIO);
	assert_int_equal(ask(d, DISK_FLUSH, 0, 0, NULL), EIO);
	assert_int_equal(ask(d, DISK_WRITE, 0, sizeof(data), data), EIO);
	assert_int_equal(ask(d, DISK_READ, 0, sizeof(data), data), 0);
	disk_close(d);
}

static int setup(void **unused)
{
	(void)unused;
	loop = loop_create("test");
	snprintf(base, sizeof(base), "/tmp/strata-test-base.XXXXXX");
	snprintf(image, sizeof(image), "/tmp/strata-test-image.XXXXXX");
	close(mkstemp(base));
	close(mkstemp(image));
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	loop_destroy(loop);
	unlink(base);
	unlink(image);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vmm_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush_fails, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
