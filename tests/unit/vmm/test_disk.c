/*
 * Disks over files, what they promise and refuse: options, bounds and locks, durable writes,
 * limits; and hosts that fail. What moves data is in test_disk_engines.c.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/disk_case.h"

static void test_arguments(void **state)
{
	const struct {
		const char *options, *says;
	} bad[] = {
		{",cache=none", "cache=none is not known"},
		{",format=vmdk", "format=vmdk is not known"},
		{",overlay=/tmp/x,readonly", "overlay"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(disk_case_open(bad[i].options));
		assert_non_null(strstr(err_text(), bad[i].says));
	}
	assert_int_equal(truncate(disk_case.path, 0), 0);
	assert_null(disk_case_open(""));
	assert_non_null(strstr(err_text(), "is empty"));
	assert_int_equal(truncate(disk_case.path, 1023), 0);
	struct disk *d = disk_case_open(",format=raw");

	assert_int_equal(disk_info(d)->bytes, 512); /* whole sectors */
	disk_close(d);
}

static void test_readonly(void **state)
{
	uint8_t block[512];
	struct disk *d = disk_case_open(",readonly");

	(void)state;
	assert_true(disk_info(d)->readonly);
	assert_false(disk_info(d)->discard);
	assert_int_equal(disk_case_transfer(d, DISK_READ, 0, block, 512), 0);
	assert_int_equal(disk_case_transfer(d, DISK_WRITE, 0, block, 512), EROFS);
	assert_int_equal(disk_case_transfer(d, DISK_DISCARD, 0, NULL, 512), EROFS);
	assert_int_equal(disk_case_transfer(d, DISK_WRITE_ZEROES, 0, NULL, 512), EROFS);
	disk_close(d);
}

static void test_locks(void **state)
{
	struct disk *reader, *another, *writer;

	(void)state;
	reader = disk_case_open(",readonly");
	another = disk_case_open(",readonly");
	assert_non_null(another);
	assert_null(disk_case_open(""));
	assert_non_null(strstr(err_text(), "in use by another VM"));
	disk_close(reader);
	disk_close(another);
	writer = disk_case_open("");
	assert_non_null(writer); /* at once */
	assert_null(disk_case_open(",readonly"));
	disk_close(writer);
}

static void test_bounds(void **state)
{
	const struct {
		uint64_t offset, bytes;
	} bad[] = {
		{DISK_CASE_BYTES, 512},
		{DISK_CASE_BYTES - 512, 1024},
		{0, DISK_CASE_BYTES + 512},
		{UINT64_MAX, 512},
		{0, UINT64_MAX},
		{UINT64_MAX - 511, 1024},
		{1ULL << 63, 4096},
		{0, 0},
		{1, 512},
		{0, 511},
	};
	struct disk *d = disk_case_open("");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (enum disk_op op = DISK_READ; op <= DISK_WRITE_ZEROES; op++) {
			struct disk_case_request a = {0};

			if (op == DISK_FLUSH)
				continue;
			assert_int_equal(disk_case_do(d, &a, op, bad[i].offset, bad[i].bytes),
					 EINVAL);
		}
	assert_int_equal(disk_case_status(d, "errors"), 4 * sizeof(bad) / sizeof(bad[0]));
	disk_close(d);
}

static int write_in_pieces(struct disk *d, uint8_t *from)
{
	struct disk_case_request a = {.r = {.iov = a.iov, .iov_count = 3},
				      .iov = {{from, 2}, {from + 2, 600}, {from + 602, 422}}};

	return disk_case_do(d, &a, DISK_WRITE, 0, 1024);
}

/* A guest may not make of a raw image one that names other files: unless told that it is raw.
 */
static void test_raw_stays_raw(void **state)
{
	uint8_t first[1024] = "QFI\xfb", harmless[1024], back[1024];
	struct disk *d = disk_case_open("");

	(void)state;
	for (size_t i = 0; i < sizeof(harmless); i++)
		harmless[i] = (uint8_t)(i * 7);
	assert_int_equal(write_in_pieces(d, first), EMEDIUMTYPE);
	assert_int_equal(disk_case_transfer(d, DISK_WRITE, 512, first, 512), 0);
	assert_int_equal(write_in_pieces(d, harmless), 0);
	assert_int_equal(disk_case_transfer(d, DISK_READ, 0, back, sizeof(back)), 0);
	assert_memory_equal(back, harmless, sizeof(harmless));
	disk_close(d);
	d = disk_case_open(",format=raw");
	assert_int_equal(write_in_pieces(d, first), 0);
	disk_close(d);
}

/* A format that does not make a write durable by itself has a flush follow it. */
static void test_durable(void **state)
{
	uint8_t block[512] = {1};
	struct disk_case_request a = {.r = {.durable = true, .iov = a.iov, .iov_count = 1},
				      .iov = {{block, sizeof(block)}}};
	char options[96], overlay[80];
	struct disk *d;

	(void)state;
	snprintf(overlay, sizeof(overlay), "%s.overlay", disk_case.path);
	snprintf(options, sizeof(options), ",overlay=%s", overlay);
	d = disk_case_open(options);
	assert_non_null(d);
	assert_int_equal(disk_case_do(d, &a, DISK_WRITE, 0, sizeof(block)), 0);
	assert_int_equal(a.r.op, DISK_WRITE);
	a.r.may_unmap = true;
	assert_int_equal(disk_case_do(d, &a, DISK_WRITE_ZEROES, 0, sizeof(block)), 0);
	assert_int_equal(disk_case_status(d, "writes"), 1);
	assert_int_equal(disk_case_status(d, "zeroes"), 1);
	assert_int_equal(disk_case_status(d, "flushes"), 0); /* not the guest's */
	disk_close(d);
	unlink(overlay);
}

/* Reads that cannot be afforded wait, in order; writes are not concerned; a drain waits for
 * nothing. */
static void test_limited(void **state)
{
	struct disk *d = disk_case_open(",format=raw,read-ops=1,burst-ms=1000,write-bytes=1M");
	static uint8_t bytes[3][512];
	struct disk_case_request a[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		a[i] = (struct disk_case_request){.r = {.iov = a[i].iov, .iov_count = 1},
						  .iov = {{bytes[i], 512}}};
		disk_case_submit(d, &a[i], DISK_READ, 0, 512);
	}
	disk_run(d);
	assert_int_equal(a[1].answers + a[2].answers, 0);
	disk_drain(d);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].answers, 1);
		assert_int_equal(a[i].error, 0);
	}
	/* What the drain let through is owed. */
	disk_case_submit(d, &a[0], DISK_READ, 0, 512);
	assert_int_equal(limits_set(disk_limits_of(d), "read-ops", 0), 0);
	disk_run(d);
	assert_int_equal(a[0].answers, 0);
	disk_limits_of(d)->resume(d, LIMIT_IN);
	disk_drain(d);
	assert_int_equal(a[0].answers, 1);
	assert_int_equal(disk_case_transfer(d, DISK_WRITE, 0, bytes, 512), 0);
	disk_close(d);
	assert_null(disk_case_open(",read-ops=0"));
	assert_null(disk_case_open(",write-bytes=fast"));
}

/* The file is cut short under the guest: an error, not stale memory. */
static void test_truncated(void **state)
{
	uint8_t block[4096];
	struct disk *d = disk_case_open("");

	(void)state;
	assert_int_equal(truncate(disk_case.path, 512), 0);
	assert_int_equal(disk_case_transfer(d, DISK_READ, 0, block, sizeof(block)), EIO);
	assert_int_equal(disk_case_transfer(d, DISK_READ, 8192, block, 512), EIO);
	disk_close(d);
}

/* A host that takes no more: the guest's error, not the VMM's end. */
static void test_host_full(void **state)
{
	struct rlimit before, limit;
	uint8_t block[4096] = {0};
	struct disk *d = disk_case_open("");

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = DISK_CASE_BYTES / 2;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(
		disk_case_transfer(d, DISK_WRITE, DISK_CASE_BYTES / 2, block, sizeof(block)),
		EFBIG);
	assert_int_equal(disk_case_transfer(d, DISK_WRITE, 0, block, sizeof(block)), 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(disk_case_status(d, "errors"), 1);
	disk_close(d);
}

static long blocks_used(void)
{
	struct stat st;

	assert_int_equal(stat(disk_case.path, &st), 0);
	return (long)st.st_blocks;
}

static void test_space_is_given_back(void **state)
{
	static uint8_t all[DISK_CASE_BYTES];
	struct disk_case_request a = {.r = {.may_unmap = true}};
	struct disk *d = disk_case_open("");
	long full;

	(void)state;
	if (!disk_info(d)->discard)
		skip();
	memset(all, 1, sizeof(all));
	assert_int_equal(disk_case_transfer(d, DISK_WRITE, 0, all, DISK_CASE_BYTES), 0);
	assert_int_equal(disk_case_transfer(d, DISK_FLUSH, 0, NULL, 0), 0);
	full = blocks_used();
	assert_int_equal(disk_case_transfer(d, DISK_DISCARD, 0, NULL, DISK_CASE_BYTES / 2), 0);
	assert_true(blocks_used() <= full - (long)(DISK_CASE_BYTES / 2 / 512));
	assert_int_equal(disk_case_do(d, &a, DISK_WRITE_ZEROES, DISK_CASE_BYTES / 2,
				      DISK_CASE_BYTES / 4),
			 0);
	assert_true(blocks_used() <= full - (long)(DISK_CASE_BYTES / 4 * 3 / 512));
	assert_int_equal(disk_case_status(d, "discards"), 1);
	assert_int_equal(disk_case_status(d, "zeroes"), 1);
	disk_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_case_setup, disk_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_arguments),     TEST(test_readonly),
		TEST(test_locks),         TEST(test_bounds),
		TEST(test_raw_stays_raw), TEST(test_durable),
		TEST(test_limited),       TEST(test_truncated),
		TEST(test_host_full),     TEST(test_space_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
