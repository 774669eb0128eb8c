/*
 * What moves data on the NVMe controller: blocks, where they lie in memory, and what they end
 * with. Registers and admin commands are in test_nvme.c.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/vmm/nvme_case.h"

#define BLOCK 512

/* A read or write of so many blocks; its data is where prp1 and prp2 say. */
static struct nvme_sqe transfer(uint8_t opcode, uint64_t start, uint32_t blocks)
{
	return (struct nvme_sqe){.opcode = opcode,
				 .nsid = 1,
				 .cdw10 = (uint32_t)start,
				 .cdw11 = (uint32_t)(start >> 32),
				 .cdw12 = blocks - 1};
}

/* Describe pages[] (the first from offset on) as PRPs, in lists of so many entries. */
static void describe(struct nvme_sqe *e, const uint64_t *pages, unsigned int count,
		     uint32_t offset, unsigned int per_list)
{
	uint64_t *entry = NULL;
	unsigned int left = 0;

	e->prp1 = pages[0] + offset;
	if (count == 2)
		e->prp2 = pages[1];
	for (unsigned int i = 1; count > 2 && i < count; i++) {
		if (!entry) {
			e->prp2 = nvme_guest_page(&g) + 4096 - 8 * per_list;
			entry = nvme_guest_at(&g, e->prp2);
			left = per_list;
		}
		if (left == 1 && i + 1 < count) { /* more than fits: the last names a list */
			*entry = nvme_guest_page(&g);
			entry = nvme_guest_at(&g, *entry);
			left = 512;
		}
		*entry++ = pages[i];
		left--;
	}
}

static void check_scattered(uint32_t offset, unsigned int blocks, unsigned int per_list)
{
	unsigned int pages = (offset + blocks * BLOCK + 4095) / 4096;
	struct nvme_sqe e = transfer(NVME_IO_READ, 3, blocks);
	uint64_t page[NVME_TRANSFER_PAGES];
	uint8_t *want = fake_disk.data + (size_t)3 * BLOCK, *at;

	/* Backwards, lest they are one piece of memory. */
	for (unsigned int i = pages; i--;)
		page[i] = nvme_guest_page(&g);
	describe(&e, page, pages, offset, per_list);
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	for (uint32_t done = 0; done < blocks * BLOCK; done += 4) {
		at = nvme_guest_at(&g, page[(offset + done) / 4096]) + (offset + done) % 4096;
		assert_memory_equal(at, want + done, 4);
	}
	e.opcode = NVME_IO_WRITE;
	e.cdw10 = 1000;
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	assert_memory_equal(fake_disk.data + (size_t)1000 * BLOCK, want, blocks * BLOCK);
}

static void data_lies_wherever_prps_say(void **state)
{
	(void)state;
	check_scattered(0, 1, 0);
	check_scattered(4, 1, 0);
	check_scattered(0, 8, 0);
	check_scattered(3584, 1, 0);
	check_scattered(3588, 1, 0);   /* two pages for one block */
	check_scattered(0, 16, 0);     /* two pages */
	check_scattered(512, 16, 512); /* three: a list */
	check_scattered(0, 64, 512);
	check_scattered(0, 64, 7); /* a list that fills its page exactly */
	check_scattered(0, 64, 3); /* one that goes on in another */
	check_scattered(0, 64, 1); /* ... at once */
	check_scattered(2048, 1024, 128);
	check_scattered(4, 1024, 2);
}

static void pages_side_by_side_are_one_piece(void **state)
{
	struct nvme_sqe e = transfer(NVME_IO_READ, 0, 256);
	uint64_t page[32];

	(void)state;
	for (unsigned int i = 0; i < 32; i++)
		page[i] = nvme_guest_page(&g);
	describe(&e, page, 32, 0, 512);
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	assert_int_equal(fake_disk.past[0].iov_count, 1);
}

static void bad_prps_are_refused(void **state)
{
	uint64_t list = nvme_guest_page(&g), self = nvme_guest_page(&g);
	uint64_t *entry = nvme_guest_at(&g, list), *loop = nvme_guest_at(&g, self);
	const struct {
		uint64_t prp1, prp2;
		unsigned int blocks;
		uint16_t status;
	} bad[] = {
		{1, 0, 1, NVME_INVALID_PRP_OFFSET},
		{2, 0, 1, NVME_INVALID_PRP_OFFSET},
		{NVME_GUEST_MEMORY, 0, 1, NVME_DATA_TRANSFER_ERROR},
		{UINT64_MAX & ~3ULL, 0, 1, NVME_DATA_TRANSFER_ERROR},
		{NVME_GUEST_MEMORY - 4096, NVME_GUEST_MEMORY, 16, NVME_DATA_TRANSFER_ERROR},
		{0, 8, 16, NVME_INVALID_PRP_OFFSET},
		{0, 1, 64, NVME_INVALID_PRP_OFFSET}, /* a list at an odd address */
		{0, NVME_GUEST_MEMORY, 64, NVME_DATA_TRANSFER_ERROR},
		{0, UINT64_MAX & ~7ULL, 64, NVME_DATA_TRANSFER_ERROR},
		{0, list, 64, NVME_INVALID_PRP_OFFSET},           /* an entry within a page */
		{0, list + 8, 64, NVME_DATA_TRANSFER_ERROR},      /* one outside memory */
		{0, list + 4088, 64, NVME_INVALID_PRP_OFFSET},    /* no list's address */
		{0, list + 4080, 1024, NVME_DATA_TRANSFER_ERROR}, /* a list outside */
	};

	(void)state;
	entry[0] = 0x1004;
	entry[1] = 1ULL << 63;
	entry[510] = 0;
	entry[511] = 1ULL << 50 | 8;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nvme_sqe e = transfer(NVME_IO_READ, 0, bad[i].blocks);

		if (bad[i].prp2 == list + 4080)
			entry[511] = 1ULL << 50;
		e.prp1 = bad[i].prp1;
		e.prp2 = bad[i].prp2;
		assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), bad[i].status);
	}
	assert_int_equal(fake_disk.answered, 0);

	/* A list whose last entry is itself: the transfer's length ends the walk. */
	for (int i = 0; i < 512; i++)
		loop[i] = self;
	{
		struct nvme_sqe e = transfer(NVME_IO_WRITE, 0, 1024);

		e.prp2 = self + 4088;
		assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	}
}

static void wrong_commands_get_the_right_errors(void **state)
{
	const uint64_t last = FAKE_DISK_BYTES / BLOCK;
	struct nvme_sqe e[] = {
		transfer(NVME_IO_READ, last, 1),
		transfer(NVME_IO_READ, last - 1, 2),
		transfer(NVME_IO_WRITE, UINT64_MAX, 2),
		transfer(NVME_IO_WRITE, 0, 65536),
		transfer(NVME_IO_WRITE_ZEROES, last - 1, 2),
		transfer(NVME_IO_WRITE_ZEROES, 1ULL << 55, 1),
		transfer(NVME_IO_READ, 0, 1025), /* longer than we said we take */
		transfer(0x0f, 0, 1),
		transfer(0x05, 0, 1),
		transfer(0x7f, 0, 1),
		transfer(NVME_IO_READ, 0, 1),
		transfer(NVME_IO_FLUSH, 0, 1),
		transfer(NVME_IO_DATASET, 0, 1),
		transfer(NVME_IO_WRITE_ZEROES, 0, 1),
		transfer(NVME_IO_READ, 0, 1),
		transfer(NVME_IO_READ, 0, 1),
	};
	const uint16_t status[] = {
		NVME_LBA_OUT_OF_RANGE,  NVME_LBA_OUT_OF_RANGE,  NVME_LBA_OUT_OF_RANGE,
		NVME_LBA_OUT_OF_RANGE,  NVME_LBA_OUT_OF_RANGE,  NVME_LBA_OUT_OF_RANGE,
		NVME_INVALID_FIELD,     NVME_INVALID_OPCODE,    NVME_INVALID_OPCODE,
		NVME_INVALID_OPCODE,    NVME_INVALID_NAMESPACE, NVME_INVALID_NAMESPACE,
		NVME_INVALID_NAMESPACE, NVME_INVALID_NAMESPACE, NVME_INVALID_FIELD,
		NVME_INVALID_FIELD,
	};

	(void)state;
	e[10].nsid = NVME_NSID_ALL;
	e[11].nsid = 0;
	e[12].nsid = 2;
	e[13].nsid = 0;
	e[14].flags = 0x40; /* a scatter-gather list */
	e[15].flags = 2;    /* half of a fused operation */
	for (size_t i = 0; i < sizeof(e) / sizeof(e[0]); i++)
		assert_int_equal(nvme_guest_do(&g, 2, &e[i], NULL), status[i]);
	assert_int_equal(fake_disk.answered, 0);
	assert_int_equal(g.nvme->errors, sizeof(e) / sizeof(e[0]));
}

static void what_the_disk_answers_is_passed_on(void **state)
{
	const struct {
		int error;
		uint8_t opcode;
		uint16_t status;
		bool retry;
	} rows[] = {
		{EIO, NVME_IO_READ, NVME_UNRECOVERED_READ, true},
		{EIO, NVME_IO_WRITE, NVME_WRITE_FAULT, true},
		{EIO, NVME_IO_FLUSH, NVME_WRITE_FAULT, true},
		{ENOSPC, NVME_IO_WRITE, NVME_CAPACITY_EXCEEDED, false},
		{EROFS, NVME_IO_WRITE, NVME_WRITE_PROTECTED, false},
		{EINVAL, NVME_IO_WRITE, NVME_LBA_OUT_OF_RANGE, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nvme_sqe e = transfer(rows[i].opcode, 0, 1);
		struct nvme_cqe c;

		fake_disk.error = rows[i].error;
		nvme_guest_put(&g, 1, &e);
		nvme_guest_ring(&g, 1);
		assert_true(nvme_guest_take(&g, 1, &c));
		assert_int_equal(c.status >> 1 & 0x7ff, rows[i].status);
		assert_int_equal(!(c.status >> 1 & NVME_DO_NOT_RETRY), rows[i].retry);
	}
}

static bool is_durable(uint8_t opcode, uint32_t flags)
{
	struct nvme_sqe e = transfer(opcode, 8, 8);

	e.cdw12 |= flags;
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	return fake_disk.past[0].durable;
}

static void writes_are_durable_if_they_must_be(void **state)
{
	struct nvme_sqe off = {.opcode = NVME_ADMIN_SET_FEATURES,
			       .cdw10 = NVME_FEATURE_WRITE_CACHE};

	(void)state;
	assert_false(is_durable(NVME_IO_WRITE, 0));
	assert_true(is_durable(NVME_IO_WRITE, NVME_RW_FORCE_UNIT_ACCESS));
	assert_true(is_durable(NVME_IO_WRITE_ZEROES, NVME_RW_FORCE_UNIT_ACCESS));
	assert_int_equal(nvme_guest_do(&g, 0, &off, NULL), NVME_SUCCESS);
	assert_true(is_durable(NVME_IO_WRITE, 0));
	assert_true(is_durable(NVME_IO_WRITE_ZEROES, 0));
	assert_false(is_durable(NVME_IO_READ, 0));
}

static void zeroes_and_flushes(void **state)
{
	struct nvme_sqe e = transfer(NVME_IO_WRITE_ZEROES, 16, 1500);
	static const uint8_t zeroes[1500 * BLOCK];

	(void)state;
	assert_int_equal(nvme_guest_do(&g, 3, &e, NULL), NVME_SUCCESS);
	assert_memory_equal(fake_disk.data + (size_t)16 * BLOCK, zeroes, sizeof(zeroes));
	assert_false(fake_disk.past[0].may_unmap);
	e.cdw12 |= NVME_ZEROES_DEALLOCATE;
	assert_int_equal(nvme_guest_do(&g, 3, &e, NULL), NVME_SUCCESS);
	assert_true(fake_disk.past[0].may_unmap);
	e = (struct nvme_sqe){.opcode = NVME_IO_FLUSH, .nsid = NVME_NSID_ALL};
	assert_int_equal(nvme_guest_do(&g, 3, &e, NULL), NVME_SUCCESS);
	assert_int_equal(fake_disk.past[0].op, DISK_FLUSH);
}

static void ranges_are_deallocated_one_by_one(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_DATASET, .nsid = 1, .cdw10 = 3, .cdw11 = 4};
	struct nvme_range *r;

	(void)state;
	e.prp1 = nvme_guest_page(&g);
	r = nvme_guest_at(&g, e.prp1);
	r[0] = (struct nvme_range){.blocks = 8, .start = 64};
	r[1] = (struct nvme_range){.blocks = 0, .start = 100};
	r[2] = (struct nvme_range){.blocks = 1, .start = FAKE_DISK_BYTES / BLOCK - 1};
	r[3] = (struct nvme_range){.blocks = 16, .start = 0};
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	assert_int_equal(fake_disk.answered, 3);
	assert_int_equal(fake_disk.past[0].op, DISK_DISCARD);
	assert_int_equal(fake_disk.past[0].bytes, 16 * BLOCK);
	assert_int_equal(fake_disk.past[2].offset, 64 * BLOCK);

	e.cdw11 = 3; /* hints that we do not take */
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	e.cdw11 = 4;
	r[3].blocks = UINT32_MAX;
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_LBA_OUT_OF_RANGE);
	e.prp1 = NVME_GUEST_MEMORY - 32;
	e.prp2 = NVME_GUEST_MEMORY; /* the last half is outside */
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_DATA_TRANSFER_ERROR);
	assert_int_equal(fake_disk.answered, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_CASE(data_lies_wherever_prps_say),
		NVME_CASE(pages_side_by_side_are_one_piece),
		NVME_CASE(bad_prps_are_refused),
		NVME_CASE(wrong_commands_get_the_right_errors),
		NVME_CASE(what_the_disk_answers_is_passed_on),
		NVME_CASE(writes_are_durable_if_they_must_be),
		NVME_CASE(zeroes_and_flushes),
		NVME_CASE(ranges_are_deallocated_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
