/*
 * The NVMe controller, its registers and admin commands: as a good driver uses them, and as
 * none should. What moves data is in test_nvme_io.c.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "tests/unit/vmm/nvme_guest.h"
#include "vmm/nvme/devices.h"

static struct nvme_guest g;

static int setup(void **state)
{
	(void)state;
	fake_disk_reset();
	return nvme_guest_create(&g, "file=fake,serial=S-1");
}

static int setup_enabled(void **state)
{
	int ret = setup(state);

	nvme_guest_enable(&g);
	return ret;
}

static int teardown(void **state)
{
	(void)state;
	nvme_guest_destroy(&g);
	return 0;
}

static uint32_t status_register(void)
{
	return (uint32_t)nvme_guest_read(&g, NVME_REG_CSTS, 4);
}

/* An admin command of these dwords, its data in a page of its own. */
static uint16_t admin(uint8_t opcode, uint32_t cdw10, uint32_t cdw11, uint32_t *result)
{
	struct nvme_sqe e = {.opcode = opcode, .cdw10 = cdw10, .cdw11 = cdw11};

	return nvme_guest_do(&g, 0, &e, result);
}

static uint8_t *page_of(uint8_t opcode, uint32_t nsid, uint32_t cdw10)
{
	struct nvme_sqe e = {.opcode = opcode, .nsid = nsid, .cdw10 = cdw10};

	e.prp1 = nvme_guest_page(&g);
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_SUCCESS);
	return nvme_guest_at(&g, e.prp1);
}

static void registers_read_as_the_spec_says(void **state)
{
	uint64_t cap = nvme_guest_read(&g, NVME_REG_CAP, 8);

	(void)state;
	assert_int_equal(cap & 0xffff, 1023);  /* entries, less one */
	assert_true(cap >> 16 & 1);            /* queues are contiguous */
	assert_int_equal(cap >> 32 & 0xf, 0);  /* doorbells without gaps */
	assert_int_equal(cap >> 37 & 0xff, 1); /* the NVM command set */
	assert_int_equal(cap >> 48 & 0xff, 0); /* pages of 4096 bytes */
	assert_int_equal(nvme_guest_read(&g, NVME_REG_CAP + 4, 4), cap >> 32);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_VS, 4), 0x10400);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_VS, 2), 0);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_VS + 1, 1), 0);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_DOORBELLS, 4), 0);
	assert_int_equal(nvme_guest_read(&g, 0x800, 8), 0);
	nvme_guest_write(&g, NVME_REG_ASQ, 0x1122334455667788, 8);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_ASQ, 8), 0x1122334455667788);
	nvme_guest_write(&g, NVME_REG_ASQ + 4, 0xaabbccdd, 4);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_ASQ, 8), 0xaabbccdd55667788);
	nvme_guest_write(&g, NVME_REG_ASQ, 0, 2); /* not a width for registers */
	assert_int_equal(nvme_guest_read(&g, NVME_REG_ASQ, 4), 0x55667788);
}

static void it_becomes_ready_and_is_reset(void **state)
{
	(void)state;
	assert_int_equal(status_register(), 0);
	nvme_guest_enable(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY);
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	assert_int_equal(status_register(), 0);
	nvme_guest_enable(&g);
	nvme_guest_make_queues(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY);
	assert_int_equal(g.nvme->resets, 1);
}

static void what_it_cannot_start_with_is_fatal(void **state)
{
	const struct {
		uint32_t aqa;
		uint64_t asq, acq;
		uint32_t cc;
	} bad[] = {
		{0x00070000, 0x1000, 0x2000, 1}, /* a submission queue of one */
		{0x00000007, 0x1000, 0x2000, 1}, /* a completion queue of one */
		{0x00070007, 0x1001, 0x2000, 1}, /* not a page's start */
		{0x00070007, 0x1000, 0x2010, 1},
		{0x00070007, NVME_GUEST_MEMORY, 0x2000, 1},
		{0x00070007, 0x1000, UINT64_MAX & ~0xfffULL, 1},
		{0x0fff0fff, NVME_GUEST_MEMORY - 4096, 0x2000, 1}, /* over the end */
		{0x00070007, 0x1000, 0x2000, 1 | 1 << 7},          /* pages of 8192 bytes */
		{0x00070007, 0x1000, 0x2000, 1 | 6 << 4},          /* another command set */
		{0x00070007, 0x1000, 0x2000, 1 | 1 << 11},         /* another arbitration */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		nvme_guest_write(&g, NVME_REG_AQA, bad[i].aqa, 4);
		nvme_guest_write(&g, NVME_REG_ASQ, bad[i].asq, 8);
		nvme_guest_write(&g, NVME_REG_ACQ, bad[i].acq, 8);
		nvme_guest_write(&g, NVME_REG_CC, bad[i].cc, 4);
		assert_int_equal(status_register(), NVME_CSTS_FATAL);
		nvme_guest_write(&g, nvme_doorbell(0, false), 1, 4);
		nvme_guest_run(&g);
		nvme_guest_write(&g, NVME_REG_CC, 0, 4);
		assert_int_equal(status_register(), 0);
	}
	assert_int_equal(g.nvme->fatal, sizeof(bad) / sizeof(bad[0]));
	nvme_guest_enable(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY);
}

static void a_doorbell_beyond_the_admin_queue_is_fatal(void **state)
{
	(void)state;
	nvme_guest_write(&g, nvme_doorbell(0, false), NVME_GUEST_ENTRIES, 4);
	nvme_guest_run(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY | NVME_CSTS_FATAL);
	assert_int_equal(admin(NVME_ADMIN_GET_FEATURES, 7, 0, NULL), UINT16_MAX);
}

static void shutdown_flushes_first(void **state)
{
	(void)state;
	fake_disk.hold = true;
	nvme_guest_write(&g, NVME_REG_CC, g.nvme->cc | 1 << 14, 4);
	assert_int_equal(status_register() & NVME_CSTS_SHUTDOWN_MASK,
			 NVME_CSTS_SHUTDOWN_OCCURRING);
	disk_drain(g.nvme->disk);
	assert_int_equal(fake_disk.past[0].op, DISK_FLUSH);
	assert_int_equal(status_register(), NVME_CSTS_READY | NVME_CSTS_SHUTDOWN_COMPLETE);
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	nvme_guest_enable(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY);
	/* Again, and both at once. */
	nvme_guest_write(&g, NVME_REG_CC, 1 << 14, 4);
	nvme_guest_write(&g, NVME_REG_CC, 1 << 14, 4);
	nvme_guest_enable(&g);
	assert_int_equal(status_register(), NVME_CSTS_READY);
	assert_int_equal(fake_disk.answered, 2);
}

static uint64_t number_at(const uint8_t *page, unsigned int offset, unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, page + offset, bytes);
	return value;
}

static void the_controller_tells_what_it_is(void **state)
{
	const uint8_t *page = page_of(NVME_ADMIN_IDENTIFY, 0, NVME_CNS_CONTROLLER);

	(void)state;
	assert_memory_equal(page + 4, "S-1                 ", 20);
	assert_memory_equal(page + 24, "strata NVMe disk    ", 20);
	assert_int_equal(page[77], 7); /* 128 pages at once */
	assert_int_equal(number_at(page, 80, 4), 0x10400);
	assert_int_equal(number_at(page, 256, 2), 0x100); /* doorbells in memory */
	assert_int_equal(page[512], 0x66);
	assert_int_equal(page[513], 0x44);
	assert_int_equal(number_at(page, 516, 4), 1);
	assert_int_equal(number_at(page, 520, 2), 0xc); /* deallocate, write zeroes */
	assert_int_equal(page[525] & 1, 1);             /* a write cache */
	assert_memory_equal(page + 768, "nqn.2014-08.org.nvmexpress:uuid:", 32);
	assert_int_equal(strlen((const char *)page + 768), 68);
}

static void the_namespace_tells_what_it_is(void **state)
{
	const uint8_t *page = page_of(NVME_ADMIN_IDENTIFY, 1, NVME_CNS_NAMESPACE);

	(void)state;
	assert_int_equal(number_at(page, 0, 8), FAKE_DISK_BYTES / 512);
	assert_int_equal(number_at(page, 128, 4), 9 << 16);
	assert_int_equal(page[33], 9);
	assert_int_equal(page[99], 0);
	fake_disk.info.readonly = true;
	fake_disk.info.discard = false;
	fake_disk.info.discard_zeroes = false;
	fake_disk.info.block_bytes = 4096;
	page = page_of(NVME_ADMIN_IDENTIFY, 1, NVME_CNS_NAMESPACE);
	assert_int_equal(page[33], 0);
	assert_int_equal(page[99], 1);
	assert_int_equal(number_at(page, 64, 2), 7);
	fake_disk.info.discard = true;
	page = page_of(NVME_ADMIN_IDENTIFY, 1, NVME_CNS_NAMESPACE);
	assert_int_equal(page[33], 8);
	fake_disk.info.discard = false;
	page = page_of(NVME_ADMIN_IDENTIFY, 0, NVME_CNS_CONTROLLER);
	assert_int_equal(number_at(page, 520, 2), 0x8);
	assert_int_equal(*page_of(NVME_ADMIN_IDENTIFY, 0, NVME_CNS_ACTIVE_NAMESPACES), 1);
	assert_int_equal(*page_of(NVME_ADMIN_IDENTIFY, 1, NVME_CNS_ACTIVE_NAMESPACES), 0);
	page = page_of(NVME_ADMIN_IDENTIFY, 1, NVME_CNS_NAMESPACE_DESCRIPTORS);
	assert_int_equal(number_at(page, 0, 4), 16 << 8 | 3);
	assert_memory_equal(page + 4, g.nvme->uuid, 16);
	page = page_of(NVME_ADMIN_IDENTIFY, 0, NVME_CNS_COMMAND_SET_CONTROLLER);
	assert_int_equal(page[1], 13); /* write zeroes: 65536 blocks are 2^13 pages */
}

static void wrong_questions_get_the_right_errors(void **state)
{
	const struct {
		struct nvme_sqe e;
		uint16_t status;
	} bad[] = {
		{{.opcode = 0x55}, NVME_INVALID_OPCODE},
		{{.opcode = 0xff}, NVME_INVALID_OPCODE},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 0x55}, NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .flags = 0x40},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .flags = 1}, NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 6, .cdw11 = 2U << 24},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_IDENTIFY, .nsid = 2}, NVME_INVALID_NAMESPACE},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 3}, NVME_INVALID_NAMESPACE},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 2, .nsid = NVME_NSID_ALL},
		 NVME_INVALID_NAMESPACE},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .prp1 = 2},
		 NVME_INVALID_PRP_OFFSET},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .prp1 = NVME_GUEST_MEMORY},
		 NVME_DATA_TRANSFER_ERROR},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .prp1 = 8, .prp2 = 8},
		 NVME_INVALID_PRP_OFFSET},
		{{.opcode = NVME_ADMIN_IDENTIFY, .cdw10 = 1, .prp1 = 8, .prp2 = 1ULL << 60},
		 NVME_DATA_TRANSFER_ERROR},
		{{.opcode = NVME_ADMIN_GET_LOG_PAGE, .cdw10 = 0x7f}, NVME_INVALID_LOG_PAGE},
		{{.opcode = NVME_ADMIN_GET_LOG_PAGE, .cdw10 = 2, .nsid = 1},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_GET_LOG_PAGE, .cdw10 = 2, .cdw12 = 516},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_GET_LOG_PAGE, .cdw10 = 2, .cdw12 = 2},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_GET_LOG_PAGE, .cdw10 = 2, .cdw13 = 1},
		 NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_ABORT, .cdw10 = 1}, NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_DOORBELL_BUFFER, .prp1 = 8}, NVME_INVALID_FIELD},
		{{.opcode = NVME_ADMIN_DOORBELL_BUFFER, .prp2 = NVME_GUEST_MEMORY},
		 NVME_INVALID_FIELD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(nvme_guest_do(&g, 0, &bad[i].e, NULL), bad[i].status);
	assert_int_equal(g.nvme->errors, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(status_register(), NVME_CSTS_READY);
}

static void queues_are_made_and_deleted(void **state)
{
	const uint32_t size = (NVME_GUEST_ENTRIES - 1) << 16;
	const struct {
		uint8_t opcode;
		uint32_t cdw10, cdw11;
		uint64_t prp1;
		uint16_t status;
	} steps[] = {
		{NVME_ADMIN_CREATE_CQ, size, 1, 0x10000, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_CREATE_CQ, size | 4, 1, 0x10000, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_CREATE_CQ, size | 0xffff, 1, 0x10000, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_CREATE_CQ, 1, 1, 0x10000, NVME_INVALID_QUEUE_SIZE},
		{NVME_ADMIN_CREATE_CQ, 0xffff0001, 1, 0x10000, NVME_INVALID_QUEUE_SIZE},
		{NVME_ADMIN_CREATE_CQ, 1024 << 16 | 1, 1, 0x10000, NVME_INVALID_QUEUE_SIZE},
		{NVME_ADMIN_CREATE_CQ, size | 1, 0, 0x10000, NVME_INVALID_FIELD},
		{NVME_ADMIN_CREATE_CQ, size | 1, 4 << 16 | 3, 0x10000, NVME_INVALID_VECTOR},
		{NVME_ADMIN_CREATE_CQ, size | 1, 1, 0x10004, NVME_INVALID_PRP_OFFSET},
		{NVME_ADMIN_CREATE_CQ, size | 1, 1, 1ULL << 40, NVME_INVALID_FIELD},
		{NVME_ADMIN_CREATE_SQ, size | 1, 1 << 16 | 1, 0x11000, NVME_INVALID_CQ},
		{NVME_ADMIN_CREATE_CQ, size | 1, 3 << 16 | 3, 0x10000, NVME_SUCCESS},
		{NVME_ADMIN_CREATE_CQ, size | 1, 1, 0x10000, NVME_INVALID_QUEUE_ID}, /* twice */
		{NVME_ADMIN_CREATE_SQ, size | 1, 1, 0x11000, NVME_INVALID_CQ},
		{NVME_ADMIN_CREATE_SQ, size, 1 << 16 | 1, 0x11000, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_CREATE_SQ, 1, 1 << 16 | 1, 0x11000, NVME_INVALID_QUEUE_SIZE},
		{NVME_ADMIN_CREATE_SQ, size | 1, 1 << 16, 0x11000, NVME_INVALID_FIELD},
		{NVME_ADMIN_CREATE_SQ, size | 1, 1 << 16 | 1, 0x11040, NVME_INVALID_PRP_OFFSET},
		{NVME_ADMIN_CREATE_SQ, size | 1, 1 << 16 | 1, 0x11000, NVME_SUCCESS},
		{NVME_ADMIN_CREATE_SQ, size | 1, 1 << 16 | 1, 0x11000, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_CREATE_SQ, size | 2, 1 << 16 | 1, 0x10000,
		 NVME_SUCCESS}, /* overlaps */
		{NVME_ADMIN_DELETE_CQ, 1, 0, 0, NVME_INVALID_QUEUE_DELETION},
		{NVME_ADMIN_DELETE_SQ, 0, 0, 0, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_DELETE_SQ, 1, 0, 0, NVME_SUCCESS},
		{NVME_ADMIN_DELETE_SQ, 1, 0, 0, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_DELETE_CQ, 1, 0, 0, NVME_INVALID_QUEUE_DELETION},
		{NVME_ADMIN_DELETE_SQ, 2, 0, 0, NVME_SUCCESS},
		{NVME_ADMIN_DELETE_CQ, 0, 0, 0, NVME_INVALID_QUEUE_ID},
		{NVME_ADMIN_DELETE_CQ, 1, 0, 0, NVME_SUCCESS},
		{NVME_ADMIN_DELETE_CQ, 1, 0, 0, NVME_INVALID_QUEUE_ID},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct nvme_sqe e = {.opcode = steps[i].opcode,
				     .prp1 = steps[i].prp1,
				     .cdw10 = steps[i].cdw10,
				     .cdw11 = steps[i].cdw11};

		assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), steps[i].status);
	}
}

static void features_are_set_and_got(void **state)
{
	const struct {
		uint32_t id, value;
		uint16_t status;
		uint32_t result; /* of getting it afterwards */
	} steps[] = {
		{NVME_FEATURE_ARBITRATION, 3, NVME_SUCCESS, 3},
		{NVME_FEATURE_ARBITRATION, 8, NVME_INVALID_FIELD, 3},
		{NVME_FEATURE_POWER, 1, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_WRITE_CACHE, 0, NVME_SUCCESS, 0},
		{NVME_FEATURE_WRITE_CACHE, 2, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_QUEUES, 0xffff0001, NVME_INVALID_FIELD, 0x20002},
		{NVME_FEATURE_QUEUES, 0x0000ffff, NVME_INVALID_FIELD, 0x20002},
		{NVME_FEATURE_QUEUES, 0x00ff00ff, NVME_SUCCESS, 0x20002},
		{NVME_FEATURE_COALESCING, 0x1234, NVME_SUCCESS, 0x1234},
		{NVME_FEATURE_VECTOR, 0x10002, NVME_SUCCESS, 0x10002},
		{NVME_FEATURE_VECTOR, 4, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_ERROR_RECOVERY, 0x10000, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_TEMPERATURE, 350, NVME_SUCCESS, 350},
		{NVME_FEATURE_TEMPERATURE, 1 << 20 | 5, NVME_SUCCESS, 5},
		{NVME_FEATURE_TEMPERATURE, 2 << 20, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_TEMPERATURE, 1 << 16, NVME_INVALID_FIELD, 0},
		{NVME_FEATURE_EVENTS, 0xff, NVME_SUCCESS, 0xff},
		{0x03, 0, NVME_INVALID_FIELD, 0},
		{0x0c, 0, NVME_INVALID_FIELD, 0},
		{0xff, 0, NVME_INVALID_FIELD, 0},
	};
	uint32_t result;

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint32_t id = steps[i].id;
		uint16_t status;

		assert_int_equal(admin(NVME_ADMIN_SET_FEATURES, id, steps[i].value, NULL),
				 steps[i].status);
		status = admin(NVME_ADMIN_GET_FEATURES, id, steps[i].value, &result);
		if (status)
			assert_int_equal(steps[i].status, NVME_INVALID_FIELD);
		else
			assert_int_equal(result, steps[i].result);
	}
	assert_int_equal(admin(NVME_ADMIN_SET_FEATURES, 1U << 31 | 1, 3, NULL),
			 NVME_FEATURE_NOT_SAVEABLE);
	assert_int_equal(admin(NVME_ADMIN_GET_FEATURES, 1 << 8 | 1, 0, NULL),
			 NVME_INVALID_FIELD);
	nvme_guest_make_queues(&g);
	assert_int_equal(admin(NVME_ADMIN_SET_FEATURES, 7, 0, NULL),
			 NVME_COMMAND_SEQUENCE_ERROR);
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	nvme_guest_enable(&g);
	admin(NVME_ADMIN_GET_FEATURES, NVME_FEATURE_WRITE_CACHE, 0, &result);
	assert_int_equal(result, 1); /* as after a reset */
}

static void logs_tell_what_happened(void **state)
{
	const uint32_t dwords = 1023 << 16;
	uint32_t effects;
	const uint8_t *page;

	(void)state;
	admin(0x55, 0, 0, NULL);
	admin(0x56, 0, 0, NULL);
	page = page_of(NVME_ADMIN_GET_LOG_PAGE, 0, dwords | NVME_LOG_ERRORS);
	assert_int_equal(number_at(page, 0, 8), 2); /* the latest first */
	assert_int_equal(number_at(page, 64, 8), 1);
	assert_int_equal(number_at(page, 128, 8), 0);
	assert_int_equal(number_at(page, 12, 2), (0x6000 | NVME_INVALID_OPCODE) << 1);
	page = page_of(NVME_ADMIN_GET_LOG_PAGE, NVME_NSID_ALL, dwords | NVME_LOG_SMART);
	assert_int_equal(page[0], 0);
	assert_int_equal(number_at(page, 1, 2), 300);
	assert_int_equal(number_at(page, 176, 8), 2);
	page = page_of(NVME_ADMIN_GET_LOG_PAGE, 0, dwords | NVME_LOG_FIRMWARE);
	assert_int_equal(page[0], 1);
	page = page_of(NVME_ADMIN_GET_LOG_PAGE, 0, dwords | NVME_LOG_COMMANDS);
	memcpy(&effects, page + 4 * NVME_ADMIN_IDENTIFY, 4);
	assert_int_equal(effects, 1);
	memcpy(&effects, page + 1024 + 4 * NVME_IO_WRITE, 4);
	assert_int_equal(effects, 3);
	memcpy(&effects, page + 4 * 0x10, 4);
	assert_int_equal(effects, 0);
}

static void a_log_is_read_in_part(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_ADMIN_GET_LOG_PAGE,
			     .cdw10 = NVME_LOG_SMART, /* one dword */
			     .cdw12 = 4};
	const uint8_t *page;

	(void)state;
	e.prp1 = nvme_guest_page(&g);
	page = nvme_guest_at(&g, e.prp1);
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_SUCCESS);
	assert_int_equal(page[0], 10); /* byte 4 of the log */
	e.cdw10 |= 0xffffU << 16;
	e.cdw11 = 0xffff;
	e.cdw12 = 508;
	e.prp1 = NVME_GUEST_MEMORY - 4; /* no more than the log has is written */
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_SUCCESS);
	e.cdw12 = 512; /* its end: nothing */
	e.prp1 = 1ULL << 50;
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_SUCCESS);
}

static void ask_for_event(uint16_t *cid)
{
	struct nvme_sqe e = {.opcode = NVME_ADMIN_ASYNC_EVENT};
	struct nvme_cqe c;

	*cid = nvme_guest_put(&g, 0, &e);
	nvme_guest_ring(&g, 0);
	assert_false(nvme_guest_take(&g, 0, &c));
}

static void events_are_told_once_until_their_log_is_read(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_ADMIN_ASYNC_EVENT};
	uint16_t cid[NVME_EVENT_REQUESTS];
	struct nvme_cqe c;

	(void)state;
	nvme_guest_make_queues(&g);
	for (int i = 0; i < NVME_EVENT_REQUESTS; i++)
		ask_for_event(&cid[i]);
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_TOO_MANY_EVENT_REQUESTS);
	/* The commands held take no slot: all others go on. */
	for (int i = 0; i < 2 * NVME_GUEST_ENTRIES; i++)
		assert_int_equal(admin(NVME_ADMIN_GET_FEATURES, 7, 0, NULL), NVME_SUCCESS);

	nvme_guest_write(&g, nvme_doorbell(2, false), 500, 4); /* beyond the queue */
	nvme_guest_run(&g);
	assert_true(nvme_guest_take(&g, 0, &c));
	assert_int_equal(c.cid, cid[0]);
	assert_int_equal(c.result, 0x010100);
	nvme_guest_write(&g, nvme_doorbell(NVME_GUEST_QUEUES + 1, false), 1, 4);
	nvme_guest_run(&g);
	assert_false(nvme_guest_take(&g, 0, &c)); /* masked */
	page_of(NVME_ADMIN_GET_LOG_PAGE, 0, NVME_LOG_ERRORS);
	assert_true(nvme_guest_take(&g, 0, &c));
	assert_int_equal(c.cid, cid[1]);
	assert_int_equal(c.result, 0x010000);

	assert_int_equal(admin(NVME_ADMIN_SET_FEATURES, NVME_FEATURE_EVENTS, 2, NULL), 0);
	assert_int_equal(admin(NVME_ADMIN_SET_FEATURES, NVME_FEATURE_TEMPERATURE, 290, NULL),
			 0);
	assert_true(nvme_guest_take(&g, 0, &c));
	assert_int_equal(c.cid, cid[2]);
	assert_int_equal(c.result, 0x020101);
	assert_int_equal(page_of(NVME_ADMIN_GET_LOG_PAGE, 0, 127 << 16 | NVME_LOG_SMART)[0], 2);
	assert_int_equal(g.nvme->bad_doorbells, 2);
	assert_int_equal(status_register(), NVME_CSTS_READY);
}

static void options_are_checked(void **state)
{
	const struct {
		const char *text, *says;
	} bad[] = {
		{"file=x,serial=123456789012345678901", "from 1 to 20"},
		{"file=x,serial=a b", "without spaces"},
		{"file=x,block=1024", "512 or 4096"},
		{"file=x,queues=0", "queues"},
		{"file=x,queues=65", "queues"},
		{"serial=x", "file=PATH is missing"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake_disk_reset();
		assert_int_equal(nvme_guest_create(&g, bad[i].text), -1);
		assert_non_null(strstr(err_text(), bad[i].says));
		nvme_guest_destroy(&g);
	}
}

static void two_disks_have_two_serials(void **state)
{
	struct device second = {.type = &device_disk_nvme, .machine = &g.machine};
	struct arguments a;

	(void)state;
	g.device.next = &second;
	assert_int_equal(arguments_parse(&a, "file=y,serial=S-1", second.type->arguments), 0);
	assert_int_equal(second.type->create(&second, &a), -1);
	assert_non_null(strstr(err_text(), "serial number S-1"));
	arguments_free(&a);
	second.type->destroy(&second);
	assert_int_equal(arguments_parse(&a, "file=y", second.type->arguments), 0);
	assert_int_equal(second.type->create(&second, &a), 0);
	assert_string_equal(((struct nvme *)second.state)->serial, "strata-2");
	assert_memory_not_equal(((struct nvme *)second.state)->uuid, g.nvme->uuid, 16);
	arguments_free(&a);
	second.type->destroy(&second);
}

static void the_status_tells_of_queues(void **state)
{
	json_t *o = json_object(), *queue;

	(void)state;
	nvme_guest_make_queues(&g);
	g.device.type->status(&g.device, o);
	assert_string_equal(json_string_value(json_object_get(o, "serial")), "S-1");
	assert_string_equal(json_string_value(json_object_get(o, "state")), "ready");
	assert_int_equal(json_array_size(json_object_get(o, "queues")), 1 + NVME_GUEST_QUEUES);
	queue = json_array_get(json_object_get(o, "queues"), 2);
	assert_int_equal(json_integer_value(json_object_get(queue, "doorbell_offset")), 0x1010);
	assert_int_equal(json_integer_value(json_object_get(queue, "size")),
			 NVME_GUEST_ENTRIES);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(o, "commands"), "create_sq")),
			 NVME_GUEST_QUEUES);
	json_decref(o);
}

#define TEST(f)         cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TEST_ENABLED(f) cmocka_unit_test_setup_teardown(f, setup_enabled, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(registers_read_as_the_spec_says),
		TEST(it_becomes_ready_and_is_reset),
		TEST(what_it_cannot_start_with_is_fatal),
		TEST_ENABLED(a_doorbell_beyond_the_admin_queue_is_fatal),
		TEST_ENABLED(shutdown_flushes_first),
		TEST_ENABLED(the_controller_tells_what_it_is),
		TEST_ENABLED(the_namespace_tells_what_it_is),
		TEST_ENABLED(wrong_questions_get_the_right_errors),
		TEST_ENABLED(queues_are_made_and_deleted),
		TEST_ENABLED(features_are_set_and_got),
		TEST_ENABLED(logs_tell_what_happened),
		TEST_ENABLED(a_log_is_read_in_part),
		TEST_ENABLED(events_are_told_once_until_their_log_is_read),
		cmocka_unit_test(options_are_checked),
		TEST(two_disks_have_two_serials),
		TEST_ENABLED(the_status_tells_of_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
