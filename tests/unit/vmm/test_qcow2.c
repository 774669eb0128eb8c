/*
 * qcow2: headers and entries, one by one; images over real files against a model; images that
 * lie. What qemu-img thinks of them is in tests/system/native/60-qcow2.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/err.h"
#include "tests/tools/disk_random.h"
#include "tests/unit/vmm/disk_option.h"
#include "tests/unit/vmm/qcow2_check.h"
#include "tests/unit/vmm/qcow2_make.h"
#include "vmm/block/disk.h"
#include "vmm/block/qcow2_image.h"

static struct loop *loop;
static char base[64], image[64], model[64];

/* ---- the header ---- */

static void test_header(void **unused)
{
	static const struct {
		const char *sentence;
		unsigned int at, bytes;
		uint64_t value;
	} rows[] = {
		{"not a qcow2 image", 0, 4, 0x514649fa},
		{"version 1", 4, 4, 1},
		{"version 4", 4, 4, 4},
		{"backing file is in an impossible place", 8, 8, 50},
		{"backing file is in an impossible place", 8, 8, UINT64_MAX},
		{"backing file is in an impossible place", 16, 4, 1024},
		{"backing file is in an impossible place", 16, 4, UINT32_MAX},
		{"clusters have an impossible size", 20, 4, 8},
		{"clusters have an impossible size", 20, 4, 22},
		{"clusters have an impossible size", 20, 4, UINT32_MAX},
		{"no bytes at all", 24, 8, 0},
		{"too short for its", 24, 8, UINT64_MAX},
		{"encrypted", 32, 4, 2},
		{"too short for its", 36, 4, 0},
		{"larger than any should be", 36, 4, UINT32_MAX},
		{"L1 table is in an impossible place", 40, 8, 0},
		{"L1 table is in an impossible place", 40, 8, 4097},
		{"L1 table is in an impossible place", 40, 8, 0xfffffffffffff000},
		{"refcount table is in an impossible place", 48, 8, 0},
		{"refcount table is in an impossible place", 48, 8, 1ULL << 56},
		{"impossible size", 56, 4, 0},
		{"impossible size", 56, 4, UINT32_MAX},
		{"data is in another file", 72, 8, 4},
		{"compressed in a way that is not known", 72, 8, 8},
		{"extended L2 entries", 72, 8, 16},
		{"bits 0x8000000000000000", 72, 8, 1ULL << 63},
		{"impossible width", 96, 4, 7},
		{"impossible length", 100, 4, 96},
		{"impossible length", 100, 4, 105},
		{"impossible length", 100, 4, UINT32_MAX - 7},
		{"extension of its header is cut short", 116, 4, UINT32_MAX},
	};
	size_t size;
	uint8_t *good = qcow2_make_data(12, 4, 1 << 20, "base.img", &size), *bad = malloc(size);
	struct qcow2_header h;

	(void)unused;
	assert_int_equal(qcow2_header_parse(&h, good, 4096), 0);
	assert_string_equal(h.backing, "base.img");
	assert_string_equal(h.backing_format, "raw");
	assert_int_equal(h.bytes, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(bad, good, size);
		if (rows[i].bytes == 8)
			qcow2_put64(bad + rows[i].at, rows[i].value);
		else
			qcow2_put32(bad + rows[i].at, (uint32_t)rows[i].value);
		if (!qcow2_header_parse(&h, bad, 4096) || !strstr(err_text(), rows[i].sentence))
			fail_msg("row %zu: %s, not: %s", i, err_text(), rows[i].sentence);
	}
	for (size_t n = 0; n < 112; n++)
		assert_int_equal(qcow2_header_parse(&h, good, n), -1);
	memcpy(bad, good, size);
	bad[79] = 3;
	assert_int_equal(qcow2_header_parse(&h, bad, 4096), 0);
	assert_true(h.dirty && h.corrupt && !h.zstd);
	bad[79] = 8;
	bad[104] = 1;
	assert_int_equal(qcow2_header_parse(&h, bad, 4096), 0);
	assert_true(h.zstd);
	free(good);
	free(bad);
}

/* ---- entries ---- */

static void test_refcounts(void **unused)
{
	uint8_t block[64] = {0}, before[64];

	(void)unused;
	for (unsigned int order = 0; order <= 6; order++) {
		unsigned int count = 512 >> order;
		uint64_t most = order == 6 ? UINT64_MAX : (1ULL << (1 << order)) - 1;

		for (unsigned int i = 0; i < count; i++) {
			memset(block, i % 2 ? 0xa5 : 0, sizeof(block));
			memcpy(before, block, sizeof(block));
			qcow2_set_refcount(block, i, order, most);
			assert_true(qcow2_refcount(block, i, order) == most);
			qcow2_set_refcount(block, i, order, 1);
			assert_true(qcow2_refcount(block, i, order) == 1);
			for (unsigned int j = 0; j < count; j++)
				if (j != i)
					assert_true(qcow2_refcount(block, j, order) ==
						    qcow2_refcount(before, j, order));
		}
	}
	memset(block, 0, sizeof(block));
	qcow2_set_refcount(block, 1, 4, 0x1234); /* the format's own order of bytes and bits */
	assert_int_equal(block[2], 0x12);
	qcow2_set_refcount(block, 0, 0, 1);
	assert_int_equal(block[0], 1);
}

static void test_packed_entries(void **unused)
{
	(void)unused;
	for (unsigned int bits = 9; bits <= 21; bits++) {
		unsigned int x = 62 - (bits - 8);
		uint64_t sectors = (1ULL << (bits - 8)) - 1;
		uint64_t entry = QCOW2_COMPRESSED | sectors << x | 0x12345;

		assert_true(qcow2_packed_offset(entry, bits) == 0x12345);
		assert_int_equal(qcow2_packed_bytes(entry, bits),
				 (sectors + 1) * 512 - (0x12345 & 511));
		assert_true(qcow2_packed_bytes(entry, bits) <= 2u << bits);
	}
}

static void test_unpacking(void **unused)
{
	uint8_t plain[4096], out[4096], packed[8192], junk[512];
	z_stream z = {.next_in = plain, .avail_in = sizeof(plain), .next_out = packed};
	size_t n;

	(void)unused;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * i >> 7);
	z.avail_out = sizeof(packed);
	deflateInit2(&z, 9, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	deflateEnd(&z);
	assert_int_equal(qcow2_inflate(false, packed, n + 100, out, sizeof(out)), 0);
	assert_memory_equal(out, plain, sizeof(plain));
	assert_int_equal(qcow2_inflate(false, packed, n / 2, out, sizeof(out)), EIO);
	assert_int_equal(qcow2_inflate(false, packed, n, out, 2048), 0); /* as QEMU does */
	n = ZSTD_compress(packed, sizeof(packed), plain, sizeof(plain), 3);
	memset(packed + n, 0, 100);
	assert_int_equal(qcow2_inflate(true, packed, n + 100, out, sizeof(out)), 0);
	assert_memory_equal(out, plain, sizeof(plain));
	assert_int_equal(qcow2_inflate(true, packed, n - 5, out, sizeof(out)), EIO);
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(qcow2_inflate(false, junk, sizeof(junk), out, sizeof(out)), EIO);
	assert_int_equal(qcow2_inflate(true, junk, sizeof(junk), out, sizeof(out)), EIO);
}

/* ---- images ---- */

static struct disk *open_image(void)
{
	struct disk *d;
	char text[160];

	snprintf(text, sizeof(text), "file=%s,format=qcow2", image);
	d = disk_option_open(text, loop);
	assert_non_null(d);
	return d;
}

static void make_file(const char *path, uint64_t bytes, uint32_t seed)
{
	FILE *f = fopen(path, "w");

	for (uint64_t i = 0; i < bytes; i += 4) {
		uint32_t word = seed ? (uint32_t)(i * 2654435761u) ^ seed : 0;

		fwrite(&word, 1, 4, f);
	}
	fclose(f);
}

static void test_against_model(void **unused)
{
	static const struct {
		unsigned int bits, order;
		bool below;
	} rows[] = {{9, 4, true}, {12, 6, false}, {16, 4, true}, {16, 0, false}, {21, 4, true}};
	const uint64_t bytes = 6u << 20;
	struct qcow2_check found;
	struct disk *d;

	(void)unused;
	make_file(base, bytes, 77);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		qcow2_make(image, rows[i].bits, rows[i].order, bytes,
			   rows[i].below ? base : NULL);
		make_file(model, bytes, rows[i].below ? 77 : 0);
		for (uint64_t seed = 1; seed <= 2; seed++) {
			d = open_image();
			if (disk_random(d, 12, seed + i * 10, model))
				fail_msg("row %zu: %s", i, err_text());
			disk_close(d);
			found = qcow2_check(image);
			assert_int_equal(found.errors, 0);
			assert_int_equal(found.lost, 0);
		}
	}
}

static void answered(struct disk_request *r, int error)
{
	*(int *)r->owner = error;
}

static int ask(struct disk *d, enum disk_op op, uint64_t offset, uint64_t bytes, uint8_t *data,
	       unsigned int iovs)
{
	struct iovec iov[DISK_IOVS_MAX];
	int error = -1;
	struct disk_request r = {.op = op,
				 .offset = offset,
				 .bytes = bytes,
				 .iov = iov,
				 .iov_count = iovs,
				 .done = answered,
				 .owner = &error};

	for (unsigned int i = 0; i < iovs; i++) {
		uint64_t from = bytes * i / iovs, to = bytes * (i + 1) / iovs;

		iov[i] = (struct iovec){data + from, to - from};
	}
	disk_submit(d, &r);
	disk_drain(d);
	return error;
}

/* As many iovecs as there may be, and a new cluster that needs one more before and behind. */
static void test_many_iovecs(void **unused)
{
	static uint8_t data[65536], back[65536];
	struct disk *d;

	(void)unused;
	make_file(base, 1 << 20, 5);
	qcow2_make(image, 16, 4, 1 << 20, base);
	d = open_image();
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(ask(d, DISK_WRITE, 512, 64000, data, DISK_IOVS_MAX), 0);
	assert_int_equal(ask(d, DISK_READ, 512, 64000, back, DISK_IOVS_MAX), 0);
	assert_memory_equal(data, back, 64000);
	assert_int_equal(ask(d, DISK_WRITE, 131072 + 512, 1024, data, 1023), 0);
	disk_close(d);
	assert_int_equal(qcow2_check(image).errors, 0);
}

/* ---- images that lie ---- */

#define CLUSTER 4096u
#define L2      (4 * CLUSTER)
#define DATA    (5 * CLUSTER)

/* An image whose first L1 and L2 entries are as given, with one cluster of data. */
static struct disk *open_liar(uint64_t l1, uint64_t l2, uint64_t reftable)
{
	size_t size;
	uint8_t *made = qcow2_make_data(12, 4, 1 << 20, NULL, &size);
	uint8_t *data = calloc(1, DATA + CLUSTER);
	FILE *f = fopen(image, "w");

	memcpy(data, made, size);
	qcow2_put64(data + 3 * CLUSTER, l1);
	qcow2_put64(data + L2, l2);
	qcow2_put64(data + CLUSTER, reftable);
	qcow2_set_refcount(data + 2 * CLUSTER, 4, 4, 1);
	qcow2_set_refcount(data + 2 * CLUSTER, 5, 4, 1);
	memset(data + DATA, 0x11, CLUSTER);
	assert_int_equal(fwrite(data, 1, DATA + CLUSTER, f), DATA + CLUSTER);
	fclose(f);
	free(made);
	free(data);
	return open_image();
}

static void test_lies(void **unused)
{
	static const struct {
		uint64_t l1, l2;
		int error;
	} rows[] = {
		{L2 | QCOW2_OWNED, DATA | QCOW2_OWNED, 0},
		{L2 | QCOW2_OWNED, DATA | QCOW2_OWNED | 2, EIO}, /* reserved bits */
		{L2 | QCOW2_OWNED, DATA | QCOW2_OWNED | 1ULL << 60, EIO},
		{L2 | QCOW2_OWNED, (DATA + 512) | QCOW2_OWNED, EIO},     /* not on a cluster */
		{L2 | QCOW2_OWNED, (DATA + CLUSTER) | QCOW2_OWNED, EIO}, /* behind the end */
		{L2 | QCOW2_OWNED, QCOW2_OFFSET_MASK & ~4095ULL, EIO},
		{L2 | QCOW2_OWNED, QCOW2_OWNED, EIO},               /* the header */
		{L2 | QCOW2_OWNED, CLUSTER | QCOW2_OWNED, EIO},     /* the refcount table */
		{L2 | QCOW2_OWNED, 3 * CLUSTER | QCOW2_OWNED, EIO}, /* the L1 table */
		{L2 | QCOW2_OWNED, QCOW2_COMPRESSED | 512, EIO},
		{L2 | QCOW2_OWNED, QCOW2_COMPRESSED | DATA, EIO}, /* not compressed at all */
		{L2 | QCOW2_OWNED, QCOW2_COMPRESSED | 0xffffULL << 40 | DATA, EIO},
		{L2 | QCOW2_OWNED | 1, DATA | QCOW2_OWNED, EIO},
		{(L2 + 512) | QCOW2_OWNED, DATA | QCOW2_OWNED, EIO},
		{QCOW2_OWNED, 0, EIO},
		{QCOW2_OFFSET_MASK & ~4095ULL, 0, EIO},
	};
	static uint8_t data[CLUSTER];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct disk *d = open_liar(rows[i].l1, rows[i].l2, 2 * CLUSTER);

		for (int op = DISK_READ; op <= DISK_WRITE; op++) {
			int error = ask(d, op, 512, 1024, data, 1);

			if (error != rows[i].error)
				fail_msg("row %zu, operation %d: %d", i, op, error);
		}
		if (rows[i].l2 == (QCOW2_COMPRESSED | DATA)) /* to be unpacked by nobody */
			assert_int_equal(ask(d, DISK_WRITE_ZEROES, 0, CLUSTER, NULL, 0), 0);
		else
			assert_int_equal(ask(d, DISK_WRITE_ZEROES, 0, CLUSTER, NULL, 0),
					 rows[i].error);
		assert_int_equal(ask(d, DISK_FLUSH, 0, 0, NULL, 0), 0);
		disk_close(d);
	}
}

/* Without refcounts nothing can be allocated; what is there can be read and written. */
static void test_lying_refcounts(void **unused)
{
	static const uint64_t blocks[] = {1, 2 * CLUSTER + 512, 1ULL << 40, UINT64_MAX};
	static uint8_t data[CLUSTER];

	(void)unused;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct disk *d = open_liar(L2 | QCOW2_OWNED, DATA | QCOW2_OWNED, blocks[i]);

		assert_int_equal(ask(d, DISK_READ, 0, CLUSTER, data, 1), 0);
		assert_int_equal(data[0], 0x11);
		assert_int_equal(ask(d, DISK_WRITE, 0, CLUSTER, data, 1), 0);
		assert_int_equal(ask(d, DISK_WRITE, CLUSTER, CLUSTER, data, 1), EIO);
		assert_int_equal(ask(d, DISK_FLUSH, 0, 0, NULL, 0), 0);
		disk_close(d);
	}
}

static int setup(void **unused)
{
	(void)unused;
	loop = loop_create("test");
	snprintf(base, sizeof(base), "/tmp/strata-test-base.XXXXXX");
	snprintf(image, sizeof(image), "/tmp/strata-test-image.XXXXXX");
	snprintf(model, sizeof(model), "/tmp/strata-test-model.XXXXXX");
	close(mkstemp(base));
	close(mkstemp(image));
	close(mkstemp(model));
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	loop_destroy(loop);
	unlink(base);
	unlink(image);
	unlink(model);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_refcounts),
		cmocka_unit_test(test_packed_entries),
		cmocka_unit_test(test_unpacking),
		cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_iovecs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lying_refcounts, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
