/*
 * The disk's queues over a disk in memory that can be slow, or fail: many requests in flight,
 * answered in batches; resets meanwhile; the requests that not every driver sends.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "tests/unit/vmm/driver.h"
#include "tests/unit/vmm/fake_disk.h"
#include "vmm/virtio/blk.h"

#define QUEUES 4
#define SIZE   64
#define NEXT   VRING_DESC_F_NEXT
#define WRITE  VRING_DESC_F_WRITE
#define FLUSH  (1ULL << VIRTIO_BLK_F_FLUSH)

static struct driver driver;
static struct driver_queue dq[QUEUES];
static struct virtio_blk *blk;
static struct virtio_device *virtio;
static struct loop *loop;

static void create(bool readonly)
{
	fake_disk_reset();
	fake_disk.info.readonly = readonly;
	blk = calloc(1, sizeof(*blk));
	strcpy(blk->name, "test");
	assert_int_equal(blk_init(blk, disk_open(NULL, loop), QUEUES, loop, &driver.memory), 0);
	virtio = &blk->device;
	virtio->transport = &driver_transport;
}

/* With rings as new. */
static void start(uint64_t features)
{
	memset(driver_host(&driver, 0), 0, DRIVER_MEMORY);
	driver.next = 4096;
	virtio_set_status(virtio, VIRTIO_CONFIG_S_DRIVER);
	virtio->accepted = features | 1ULL << VIRTIO_F_VERSION_1;
	virtio_set_status(virtio, VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < QUEUES; i++) {
		driver_queue_init(&dq[i], &driver, &virtio->queue[i].ring, SIZE);
		virtio_enable_queue(virtio, i);
	}
	virtio_set_status(virtio, virtio->status | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(virtio->running);
	driver_queue_signals = 0;
}

static int setup(void **state)
{
	(void)state;
	driver_init(&driver);
	fake_disk_fill();
	loop = loop_create("test");
	create(false);
	start(FLUSH);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	blk_fini(blk);
	disk_close(NULL); /* aborts if anything is in flight */
	free(blk);
	loop_destroy(loop);
	driver_destroy(&driver);
	return 0;
}

/* Offer request i of a queue, of three descriptors; where its header and status are. */
static uint64_t offer(unsigned int queue, uint16_t i, uint32_t type, uint64_t sector,
		      uint32_t bytes, uint16_t flags)
{
	struct virtio_blk_outhdr h = {.type = type, .sector = sector};
	uint64_t gpa = driver_alloc(&driver, 32 + bytes, 16);
	uint16_t d = (uint16_t)(3 * i);

	memcpy(driver_host(&driver, gpa), &h, sizeof(h));
	memset(driver_host(&driver, gpa + 16), 0xff, 1);
	driver_describe(&dq[queue], d, gpa, sizeof(h), NEXT, bytes ? d + 1 : d + 2);
	driver_describe(&dq[queue], d + 1, gpa + 32, bytes, NEXT | flags, d + 2);
	driver_describe(&dq[queue], d + 2, gpa + 16, 1, WRITE, 0);
	driver_offer(&dq[queue], d);
	return gpa;
}

static uint8_t status(uint64_t gpa)
{
	return *(uint8_t *)driver_host(&driver, gpa + 16);
}

static void kick(unsigned int queue)
{
	virtio->ops->kick(virtio, queue);
}

static unsigned int take_all(unsigned int queue)
{
	uint32_t id, len;
	unsigned int n = 0;

	while (driver_take(&dq[queue], &id, &len))
		n++;
	return n;
}

/* ---- flight ---- */

static void test_many_in_flight(void **state)
{
	(void)state;
	fake_disk.hold = true;
	for (uint16_t i = 0; i < 20; i++)
		offer(0, i, VIRTIO_BLK_T_IN, i, 512, WRITE);
	kick(0);
	assert_int_equal(fake_disk.held, 20);
	assert_int_equal(take_all(0), 0);
	assert_int_equal(driver_queue_signals, 0);
	fake_disk.hold = false;
	disk_run(blk->disk);
	assert_int_equal(take_all(0), 20);
	assert_int_equal(driver_queue_signals, 1); /* for all of them */
}

static void test_queues_answer_for_themselves(void **state)
{
	(void)state;
	fake_disk.hold = true;
	for (unsigned int q = 0; q < QUEUES; q++) {
		for (uint16_t i = 0; i <= q; i++)
			offer(q, i, VIRTIO_BLK_T_IN, 0, 512, WRITE);
		kick(q);
	}
	assert_int_equal(fake_disk.held, 1 + 2 + 3 + 4);
	fake_disk.hold = false;
	disk_run(blk->disk);
	for (unsigned int q = 0; q < QUEUES; q++)
		assert_int_equal(take_all(q), q + 1);
	assert_int_equal(driver_queue_signals, QUEUES);
}

/* ---- interrupts ---- */

/* A driver that keeps so many requests in flight, if it can: it sends one while the disk does
 * the one before, and takes its answers when it is interrupted. */
static struct {
	unsigned int depth, in_flight, signals, answers;
	uint16_t next;
	uint64_t memory;
} busy;

static void keep_busy(void)
{
	if (driver_queue_signals != busy.signals) {
		unsigned int taken = take_all(0);

		busy.signals = driver_queue_signals;
		busy.answers += taken;
		busy.in_flight -= taken;
		driver_set_used_event(&dq[0], dq[0].next_used);
	}
	if (busy.in_flight < busy.depth) {
		driver.next = busy.memory + busy.next % 16 * 1024;
		offer(0, busy.next++ % 16, VIRTIO_BLK_T_IN, 0, 512, WRITE);
		busy.in_flight++;
	}
	fake_disk.working = keep_busy;
}

/* What rang and is seen to by hand is no longer to be seen to by the loop. */
static void see_doorbells(void)
{
	eventfd_t n;

	for (unsigned int i = 0; i < QUEUES; i++)
		eventfd_read(virtio->queue[i].kick_fd, &n);
}

/* Until so many more are answered, and a turn's more: answers to an interrupt. */
static double answers_to_an_interrupt(unsigned int depth, unsigned int requests)
{
	unsigned int answers = busy.answers, signals = busy.signals;

	busy.depth = depth;
	while (busy.answers < answers + requests) {
		keep_busy();
		kick(0);
		see_doorbells();
	}
	return (double)(busy.answers - answers) / (busy.signals - signals);
}

static void start_busy(void)
{
	virtio_set_status(virtio, 0);
	start(FLUSH | 1ULL << VIRTIO_RING_F_EVENT_IDX);
	see_doorbells();
	memset(&busy, 0, sizeof(busy));
	busy.memory = driver.next;
}

/* The driver waits for each: a look at whether it has more in flight is a rare thing. */
static void test_one_at_a_time_is_not_held(void **state)
{
	(void)state;
	start_busy();
	assert_true(answers_to_an_interrupt(1, 2000) == 1);
	assert_in_range(blk->queue[0].coalesce.in_vain, 1, 8);
	assert_in_range(blk->queue[0].coalesce.looks, 1, 16);
}

static void test_many_share_interrupts(void **state)
{
	(void)state;
	start_busy();
	answers_to_an_interrupt(1, 200);
	answers_to_an_interrupt(7, 600); /* when it is noticed that there are more */
	assert_true(answers_to_an_interrupt(7, 600) > 3);
	answers_to_an_interrupt(1, 100);
	assert_true(answers_to_an_interrupt(1, 100) == 1);
}

/* A reset waits for what is in flight, and afterwards the device is as new. */
static void test_reset_in_flight(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		uint64_t gpa;

		fake_disk.hold = true;
		for (uint16_t i = 0; i < 10; i++)
			offer(1, i, VIRTIO_BLK_T_IN, i, 512, WRITE);
		kick(1);
		assert_int_equal(fake_disk.held, 10);
		virtio_set_status(virtio, 0);
		assert_int_equal(fake_disk.held, 0);
		start(FLUSH);
		fake_disk.hold = false;
		gpa = offer(1, 0, VIRTIO_BLK_T_IN, 7, 512, WRITE);
		kick(1);
		assert_int_equal(take_all(1), 1);
		assert_int_equal(status(gpa), VIRTIO_BLK_S_OK);
		assert_memory_equal(driver_host(&driver, gpa + 32), fake_disk.data + 7 * 512,
				    512);
		virtio_set_status(virtio, 0);
		start(FLUSH);
	}
}

/* Broken while requests are in flight: these end well, and nothing new begins. */
static void test_broken_in_flight(void **state)
{
	(void)state;
	fake_disk.hold = true;
	offer(0, 0, VIRTIO_BLK_T_IN, 0, 512, WRITE);
	driver_describe(&dq[0], 20, 4096, 16, 0, 0); /* no status */
	driver_offer(&dq[0], 20);
	offer(0, 1, VIRTIO_BLK_T_IN, 0, 512, WRITE);
	kick(0);
	assert_false(virtio->running);
	assert_int_equal(fake_disk.held, 1);
	virtio_set_status(virtio, 0);
	assert_int_equal(fake_disk.held, 0);
	start(FLUSH);
}

/* One that offers the same request over and over gets no more of us than its queue. */
static void test_greedy(void **state)
{
	(void)state;
	fake_disk.hold = true;
	offer(0, 0, VIRTIO_BLK_T_IN, 0, 512, WRITE);
	for (int i = 0; i < 1000; i++) {
		for (int n = 1; n < SIZE; n++)
			driver_offer(&dq[0], 0);
		kick(0);
	}
	assert_int_equal(fake_disk.held, VIRTQUEUE_SIZE_MAX);
	assert_true(blk->queue[0].starved);
	fake_disk.hold = false;
	disk_run(blk->disk);
	assert_false(blk->queue[0].starved);
	assert_int_equal(fake_disk.answered, VIRTQUEUE_SIZE_MAX);
}

/* ---- what is asked ---- */

static void test_host_errors(void **state)
{
	const int errors[] = {EIO, ENOSPC, EROFS, EINVAL};

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		uint64_t gpa = offer(0, i, VIRTIO_BLK_T_OUT, 0, 512, 0);
		uint32_t id, len;

		fake_disk.error = errors[i];
		kick(0);
		assert_true(driver_take(&dq[0], &id, &len));
		assert_int_equal(len, 1); /* but the status, nothing was written */
		assert_int_equal(status(gpa), VIRTIO_BLK_S_IOERR);
	}
	assert_true(virtio->running);
}

/* A driver that knows nothing of flushes has its writes durable when they are answered. */
static void test_durable(void **state)
{
	(void)state;
	offer(0, 0, VIRTIO_BLK_T_OUT, 0, 512, 0);
	kick(0);
	assert_false(fake_disk.past[0].durable);
	virtio_set_status(virtio, 0);
	start(0);
	offer(0, 0, VIRTIO_BLK_T_OUT, 0, 512, 0);
	kick(0);
	assert_true(fake_disk.past[0].durable);
}

/* A driver may choose between both while it runs; a reset undoes that. */
static void test_cache_mode(void **state)
{
	const uint64_t features = FLUSH | 1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	const uint64_t wce = offsetof(struct virtio_blk_config, wce);

	(void)state;
	virtio->ops->config_written(virtio, wce, 0); /* it has not accepted that */
	assert_int_equal(blk->config.wce, 1);
	virtio_set_status(virtio, 0);
	start(features);
	virtio->ops->config_written(virtio, wce + 1, 0);
	virtio->ops->config_written(virtio, 0, 0);
	for (uint16_t i = 0; i < 4; i++) {
		offer(0, i, VIRTIO_BLK_T_OUT, 0, 512, 0);
		kick(0);
		assert_int_equal(fake_disk.past[0].durable, i & 1);
		virtio->ops->config_written(virtio, wce, i & 1);
	}
	virtio->ops->config_written(virtio, wce, 0);
	virtio_set_status(virtio, 0);
	assert_int_equal(blk->config.wce, 1);
	assert_int_equal(blk->config.capacity, FAKE_DISK_BYTES / 512);
	start(features);
}

struct range_case {
	uint32_t type;
	uint64_t sector;
	uint32_t sectors, flags;
	uint32_t bytes; /* of the request's data */
	uint8_t status;
};

static const uint32_t end = FAKE_DISK_BYTES / 512;

static const struct range_case ranges[] = {
	{VIRTIO_BLK_T_DISCARD, 8, 16, 0, 16, VIRTIO_BLK_S_OK},
	{VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, 0, 16, VIRTIO_BLK_S_OK},
	{VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, 1, 16, VIRTIO_BLK_S_OK},
	{VIRTIO_BLK_T_WRITE_ZEROES, end - 1, 1, 1, 16, VIRTIO_BLK_S_OK},
	/* flags that are not there, or not for this one */
	{VIRTIO_BLK_T_DISCARD, 8, 16, 1, 16, VIRTIO_BLK_S_UNSUPP},
	{VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, 2, 16, VIRTIO_BLK_S_UNSUPP},
	/* not a range, or more than one */
	{VIRTIO_BLK_T_DISCARD, 8, 16, 0, 0, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, 8, 16, 0, 15, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, 8, 16, 0, 32, VIRTIO_BLK_S_IOERR},
	/* beyond the disk, or than what we said */
	{VIRTIO_BLK_T_DISCARD, end, 1, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_DISCARD, end - 1, 2, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX, 1, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX / 512, 1, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, 1ULL << 55, 1, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, 0, UINT32_MAX, 0, 16, VIRTIO_BLK_S_IOERR},
	{VIRTIO_BLK_T_WRITE_ZEROES, 0, 0, 0, 16, VIRTIO_BLK_S_IOERR},
};

static uint8_t ask_range(const struct range_case *c, uint16_t i)
{
	struct virtio_blk_discard_write_zeroes range = {c->sector, c->sectors, c->flags};
	uint64_t gpa = offer(0, i, c->type, 0, c->bytes, 0);

	memcpy(driver_host(&driver, gpa + 32), &range, sizeof(range));
	kick(0);
	assert_int_equal(take_all(0), 1);
	return status(gpa);
}

static void test_ranges(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range_case *c = &ranges[i];

		fake_disk_fill();
		assert_int_equal(ask_range(c, i), c->status);
		if (c->status != VIRTIO_BLK_S_OK)
			continue;
		assert_int_equal(fake_disk.past[0].op, c->type == VIRTIO_BLK_T_DISCARD
							       ? DISK_DISCARD
							       : DISK_WRITE_ZEROES);
		assert_int_equal(fake_disk.past[0].may_unmap, c->flags);
		assert_int_equal(fake_disk.past[0].offset, c->sector * 512);
		assert_int_equal(fake_disk.past[0].bytes, c->sectors * 512);
	}
	assert_true(virtio->running);
}

/* What is not offered is not done. */
static void test_readonly(void **state)
{
	const uint64_t writing =
		1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;

	(void)state;
	assert_int_equal(virtio->offered & writing, writing);
	assert_int_equal(blk->config.num_queues, QUEUES);
	assert_int_equal(blk->config.capacity, end);
	blk_fini(blk);
	free(blk);
	create(true);
	start(FLUSH);
	assert_int_equal(virtio->offered & writing, 0);
	assert_true(virtio->offered >> VIRTIO_BLK_F_RO & 1);
	assert_int_equal(ask_range(&ranges[0], 0), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(ask_range(&ranges[1], 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(fake_disk.answered, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_in_flight),
		TEST(test_queues_answer_for_themselves),
		TEST(test_one_at_a_time_is_not_held),
		TEST(test_many_share_interrupts),
		TEST(test_reset_in_flight),
		TEST(test_broken_in_flight),
		TEST(test_greedy),
		TEST(test_host_errors),
		TEST(test_durable),
		TEST(test_cache_mode),
		TEST(test_ranges),
		TEST(test_readonly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
