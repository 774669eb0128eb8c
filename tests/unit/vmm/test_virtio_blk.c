/*
 * The disk and the entropy source, request by request: good ones, and those that no
 * sane driver sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/driver.h"
#include "tests/unit/vmm/fake_pci.h"
#include "vmm/machine.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/pci.h"

#define SECTORS 64
#define NEXT    VRING_DESC_F_NEXT
#define WRITE   VRING_DESC_F_WRITE

static struct machine machine;
static struct driver driver; /* its memory is the machine's */
static struct driver_queue dq;
static struct device device;
static struct virtio_device *virtio;
static char path[64];

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 512);
}

static int create(const struct device_type *type, const char *text)
{
	struct arguments a;
	int ret;

	memset(&device, 0, sizeof(device));
	device.type = type;
	device.machine = &machine;
	fake_pci_reset();
	if (arguments_parse(&a, text, type->arguments))
		return -1;
	ret = type->check ? type->check(&a) : 0;
	ret = ret ? ret : type->create(&device, &a);
	arguments_free(&a);
	return ret;
}

static void start(uint64_t features)
{
	virtio = ((struct virtio_pci *)device.pci->owner)->device;
	virtio->transport = &driver_transport;
	virtio_set_status(virtio, VIRTIO_CONFIG_S_DRIVER);
	virtio->accepted = features | 1ULL << VIRTIO_F_VERSION_1;
	virtio_set_status(virtio, VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	driver_queue_init(&dq, &driver, &virtio->queue[0].ring, 16);
	virtio_enable_queue(virtio, 0);
	virtio_set_status(virtio, virtio->status | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(virtio->running);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	memset(&machine, 0, sizeof(machine));
	driver_init(&driver);
	machine.memory = driver.memory;
	machine.io = loop_create("test");
	snprintf(path, sizeof(path), "/tmp/strata-test-disk.XXXXXX");
	fd = mkstemp(path);
	for (size_t i = 0; i < SECTORS * 512; i++) {
		uint8_t b = pattern(i);

		if (write(fd, &b, 1) != 1)
			return -1;
	}
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (device.state)
		device.type->destroy(&device);
	device.state = NULL;
	loop_destroy(machine.io);
	driver_destroy(&driver);
	unlink(path);
	return 0;
}

static void open_disk(bool readonly)
{
	char text[96];

	snprintf(text, sizeof(text), "file=%s%s", path, readonly ? ",readonly" : "");
	assert_int_equal(create(&device_disk_virtio, text), 0);
	start(0);
}

struct request {
	uint32_t type;
	uint64_t sector;
	uint32_t bytes; /* of data */
	bool in;        /* data is for the guest */
	uint32_t cut;   /* cut header and data into pieces of this size; 0: do not */
};

static uint64_t data_gpa;

/* Describe [gpa, gpa + bytes) from descriptor i on; returns the next free one. */
static uint16_t describe(uint16_t i, uint64_t gpa, uint32_t bytes, uint32_t cut, uint16_t flags)
{
	for (uint32_t at = 0; at < bytes; i++) {
		uint32_t len = cut && bytes - at > cut ? cut : bytes - at;

		driver_describe(&dq, i, gpa + at, len, flags | NEXT, i + 1);
		at += len;
	}
	return i;
}

/* Make the request; its status, the used length in *used. */
static uint8_t ask(const struct request *r, uint32_t *used)
{
	struct virtio_blk_outhdr header = {.type = r->type, .sector = r->sector};
	uint64_t gpa = driver_alloc(&driver, 32, 8);
	uint8_t *status = driver_host(&driver, gpa + 16);
	uint32_t id;
	uint16_t i;

	memcpy(driver_host(&driver, gpa), &header, sizeof(header));
	*status = 0xff;
	i = describe(0, gpa, sizeof(header), r->cut, 0);
	i = describe(i, data_gpa, r->bytes, r->cut ? r->cut * 37 : 0, r->in ? WRITE : 0);
	driver_describe(&dq, i, gpa + 16, 1, WRITE, 0);
	driver_offer(&dq, 0);
	virtio->ops->kick(virtio, 0);
	virtio->ops->stop(virtio); /* which waits for what is in flight */
	assert_true(driver_take(&dq, &id, used));
	return *status;
}

static void assert_pattern(uint64_t sector, size_t bytes)
{
	const uint8_t *data = driver_host(&driver, data_gpa);

	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(data[i], pattern(sector * 512 + i));
}

static void test_read(void **state)
{
	const uint32_t cuts[] = {0, 16, 7};
	uint32_t used;

	(void)state;
	open_disk(false);
	data_gpa = driver_alloc(&driver, SECTORS * 512, 512);
	for (size_t i = 0; i < 3; i++) {
		struct request r = {VIRTIO_BLK_T_IN, 3 + i, 1024, true, cuts[i]};

		memset(driver_host(&driver, data_gpa), 0, 1024);
		assert_int_equal(ask(&r, &used), VIRTIO_BLK_S_OK);
		assert_int_equal(used, 1025);
		assert_pattern(3 + i, 1024);
	}
}

static void test_write(void **state)
{
	struct request w = {VIRTIO_BLK_T_OUT, 62, 1024, false, 0};
	uint8_t disk[1024];
	uint32_t used;
	FILE *f;

	(void)state;
	open_disk(false);
	data_gpa = driver_alloc(&driver, 4096, 512);
	for (uint32_t cut = 0; cut < 10; cut += 5) {
		memset(driver_host(&driver, data_gpa), (int)cut + 1, 1024);
		w.cut = cut ? cut + 3 : 0;
		assert_int_equal(ask(&w, &used), VIRTIO_BLK_S_OK);
		assert_int_equal(used, 1);
		f = fopen(path, "rb");
		fseek(f, 62 * 512, SEEK_SET);
		assert_int_equal(fread(disk, 1, sizeof(disk), f), sizeof(disk));
		fclose(f);
		for (size_t i = 0; i < sizeof(disk); i++)
			assert_int_equal(disk[i], cut + 1);
	}
}

static void test_out_of_range(void **state)
{
	const struct {
		uint64_t sector;
		uint32_t bytes;
	} bad[] = {
		{SECTORS, 512},           {SECTORS - 1, 1024}, {UINT64_MAX, 512},
		{UINT64_MAX / 512, 512},  {1ULL << 55, 512},   {0, 511},
		{0, (SECTORS + 1) * 512},
	};
	uint32_t used;

	(void)state;
	open_disk(false);
	data_gpa = driver_alloc(&driver, (SECTORS + 1) * 512, 512);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct request in = {VIRTIO_BLK_T_IN, bad[i].sector, bad[i].bytes, true, 0};
		struct request out = {VIRTIO_BLK_T_OUT, bad[i].sector, bad[i].bytes, false, 0};

		assert_int_equal(ask(&in, &used), VIRTIO_BLK_S_IOERR);
		assert_int_equal(used, 0);
		assert_int_equal(ask(&out, &used), VIRTIO_BLK_S_IOERR);
	}
	assert_true(virtio->running); /* errors, no broken rules */
}

static void test_readonly(void **state)
{
	struct request out = {VIRTIO_BLK_T_OUT, 0, 512, false, 0};
	struct request in = {VIRTIO_BLK_T_IN, 0, 512, true, 0};
	uint32_t used;

	(void)state;
	open_disk(true);
	assert_true(virtio->offered >> VIRTIO_BLK_F_RO & 1);
	data_gpa = driver_alloc(&driver, 512, 512);
	assert_int_equal(ask(&out, &used), VIRTIO_BLK_S_IOERR);
	assert_int_equal(ask(&in, &used), VIRTIO_BLK_S_OK);
	assert_pattern(0, 512);
}

static void test_other_requests(void **state)
{
	struct request flush = {VIRTIO_BLK_T_FLUSH, 0, 0, false, 0};
	struct request name = {VIRTIO_BLK_T_GET_ID, 0, 20, true, 0};
	struct request unknown = {99, 0, 512, true, 0};
	uint32_t used;

	(void)state;
	open_disk(false);
	data_gpa = driver_alloc(&driver, 512, 512);
	assert_int_equal(ask(&flush, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(ask(&name, &used), VIRTIO_BLK_S_OK);
	assert_int_equal(used, 21);
	assert_string_equal(driver_host(&driver, data_gpa), "strata-disk");
	name.bytes = 4; /* room for less */
	memset(driver_host(&driver, data_gpa), '-', 20);
	assert_int_equal(ask(&name, &used), VIRTIO_BLK_S_OK);
	assert_memory_equal(driver_host(&driver, data_gpa), "stra----", 8);
	assert_int_equal(ask(&unknown, &used), VIRTIO_BLK_S_UNSUPP);
}

/* The file is cut short under the guest: an error, not stale memory. */
static void test_truncated_file(void **state)
{
	struct request in = {VIRTIO_BLK_T_IN, 40, 512, true, 0};
	uint32_t used;

	(void)state;
	open_disk(false);
	data_gpa = driver_alloc(&driver, 512, 512);
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(ask(&in, &used), VIRTIO_BLK_S_IOERR);
}

/* No header, or nowhere to put the status: the rules are broken. */
static void test_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		open_disk(false);
		driver_describe(&dq, 0, 4096, i ? 16 : 15, i ? 0 : NEXT, 1);
		driver_describe(&dq, 1, 8192, 1, WRITE, 0);
		driver_offer(&dq, 0);
		virtio->ops->kick(virtio, 0);
		assert_false(virtio->running);
		assert_true(virtio->status & VIRTIO_CONFIG_S_NEEDS_RESET);
		device.type->destroy(&device);
		device.state = NULL;
	}
}

static void test_rng(void **state)
{
	uint32_t id, len;
	uint64_t gpa;

	(void)state;
	assert_int_equal(create(&device_rng, NULL), 0);
	start(0);
	gpa = driver_alloc(&driver, 8192, 8);
	driver_describe(&dq, 0, gpa, 3, WRITE | NEXT, 1);
	driver_describe(&dq, 1, gpa + 3, 61, WRITE, 0);
	driver_offer(&dq, 0);
	driver_describe(&dq, 2, gpa + 64, 8000, WRITE, 0);
	driver_offer(&dq, 2);
	virtio->ops->kick(virtio, 0);
	assert_true(driver_take(&dq, &id, &len));
	assert_int_equal(len, 64);
	assert_true(driver_take(&dq, &id, &len));
	assert_int_equal(len, 4096); /* bounded */
	/* What is asked to be read from cannot be filled. */
	driver_describe(&dq, 0, gpa, 64, 0, 0);
	driver_offer(&dq, 0);
	virtio->ops->kick(virtio, 0);
	assert_false(virtio->running);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(create(&device_disk_virtio, "file=/nonexistent/disk"), -1);
	assert_non_null(strstr(err_text(), "/nonexistent/disk"));
	device.type->destroy(&device);
	assert_int_equal(create(&device_disk_virtio, "file=/dev/null"), -1);
	device.type->destroy(&device);
	assert_int_equal(create(&device_disk_virtio, "readonly"), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_read),           TEST(test_write),
		TEST(test_out_of_range),   TEST(test_readonly),
		TEST(test_other_requests), TEST(test_truncated_file),
		TEST(test_malformed),      TEST(test_rng),
		TEST(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
