/*
 * What moves data on the NVMe controller: blocks and where they lie in memory, doorbells, full
 * queues, resets in mid-flight. Registers and admin commands are in test_nvme.c.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "tests/unit/vmm/nvme_guest.h"
#include "vmm/virtio/counter.h"

#define BLOCK 512

static struct nvme_guest g;

static int setup(void **state)
{
	(void)state;
	fake_disk_reset();
	fake_disk_fill();
	if (nvme_guest_create(&g, "file=fake"))
		return -1;
	nvme_guest_enable(&g);
	nvme_guest_make_queues(&g);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nvme_guest_destroy(&g);
	return 0;
}

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

static unsigned int count_completions(unsigned int queue)
{
	struct nvme_cqe c;
	unsigned int n = 0;

	while (nvme_guest_take(&g, queue, &c))
		n++;
	return n;
}

static void a_full_completion_queue_holds_commands_back(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct nvme_guest_queue *q = &g.queue[1];
	struct nvme_cqe c;

	(void)state;
	/* Two rounds without taking any: seven fit into eight slots. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 6; i++)
			nvme_guest_put(&g, 1, &e);
		nvme_guest_ring(&g, 1);
	}
	assert_int_equal(fake_disk.answered, 7);
	assert_int_equal(g.nvme->pair[1].cq.full, 1);
	memcpy(&c, nvme_guest_at(&g, q->cq + 7 * sizeof(c)), sizeof(c));
	assert_int_equal(c.status, 0); /* the eighth was not written */
	for (int i = 0; i < 12; i++) {
		assert_true(nvme_guest_take(&g, 1, &c));
		nvme_guest_run(&g);
	}
	assert_int_equal(fake_disk.answered, 12);
	assert_int_equal(c.cid, g.cid); /* in order, none lost */
	assert_false(nvme_guest_take(&g, 1, &c));
	nvme_guest_write(&g, nvme_doorbell(1, true), 99, 4); /* a head beyond the queue */
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
}

/* More in flight than there may be: the rest waits. */
static void commands_run_out_and_come_back(void **state)
{
	const uint32_t size = NVME_ENTRIES_MAX;
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	(void)state;
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	nvme_guest_enable(&g);
	g.next = (g.next + 0xffff) & ~0xffffULL;
	for (uint32_t i = 1; i <= 2; i++) {
		struct nvme_sqe create = {.opcode = NVME_ADMIN_CREATE_CQ,
					  .prp1 = g.next,
					  .cdw10 = (size - 1) << 16 | i,
					  .cdw11 = i << 16 | 1};

		g.queue[i] = (struct nvme_guest_queue){
			.cq = g.next, .sq = g.next + 0x10000, .size = size, .phase = 1};
		g.next += 0x20000;
		assert_int_equal(nvme_guest_do(&g, 0, &create, NULL), NVME_SUCCESS);
		create.opcode = NVME_ADMIN_CREATE_SQ;
		create.prp1 = g.queue[i].sq;
		assert_int_equal(nvme_guest_do(&g, 0, &create, NULL), NVME_SUCCESS);
	}
	fake_disk.hold = true;
	for (uint32_t i = 1; i <= 2; i++) {
		for (uint32_t n = 0; n < 700; n++)
			nvme_guest_put(&g, i, &e);
		nvme_guest_ring(&g, i);
	}
	assert_int_equal(fake_disk.held, NVME_COMMANDS_MAX);
	/* Even the admin queue waits then, and is not forgotten. */
	e.opcode = NVME_ADMIN_GET_FEATURES;
	e.cdw10 = 7;
	nvme_guest_put(&g, 0, &e);
	nvme_guest_ring(&g, 0);
	assert_int_equal(count_completions(0), 0);
	fake_disk.hold = false;
	disk_run(g.nvme->disk);
	nvme_guest_run(&g);
	assert_int_equal(fake_disk.answered, 1400);
	assert_int_equal(count_completions(0), 1);
	assert_int_equal(count_completions(1), 700);
	assert_int_equal(count_completions(2), 700);
}

static void a_reset_waits_for_what_is_in_flight(void **state)
{
	struct nvme_sqe e = transfer(NVME_IO_READ, 0, 8);

	(void)state;
	fake_disk.hold = true;
	e.prp1 = nvme_guest_page(&g);
	for (int i = 0; i < 5; i++)
		nvme_guest_put(&g, 1, &e);
	nvme_guest_ring(&g, 1);
	assert_int_equal(fake_disk.held, 5);
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	assert_int_equal(fake_disk.held, 0);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_CSTS, 4), 0);
	nvme_guest_write(&g, nvme_doorbell(1, false), 1, 4); /* to nobody */
	nvme_guest_run(&g);
	fake_disk.hold = false;
	nvme_guest_enable(&g);
	nvme_guest_make_queues(&g);
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
}

static void a_deleted_queue_finishes_its_commands(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct nvme_sqe delete = {.opcode = NVME_ADMIN_DELETE_SQ, .cdw10 = 1};

	(void)state;
	fake_disk.hold = true;
	for (int i = 0; i < 3; i++)
		nvme_guest_put(&g, 1, &e);
	nvme_guest_ring(&g, 1);
	assert_int_equal(nvme_guest_do(&g, 0, &delete, NULL), NVME_SUCCESS);
	assert_int_equal(count_completions(1), 3);
	nvme_guest_put(&g, 1, &e);
	nvme_guest_ring(&g, 1);
	assert_int_equal(fake_disk.held, 0);
	assert_int_equal(g.nvme->bad_doorbells, 1);
	delete.opcode = NVME_ADMIN_DELETE_CQ;
	assert_int_equal(nvme_guest_do(&g, 0, &delete, NULL), NVME_SUCCESS);
}

/* Program a vector and unmask it, as a driver does. */
static void enable_msix(void)
{
	uint64_t table = g.nvme->pci.range[NVME_BAR_MSIX].base;

	for (unsigned int i = 0; i <= NVME_GUEST_QUEUES; i++) {
		bus_write(g.machine.mmio, table + 16 * i, 0xfee00000, 4);
		bus_write(g.machine.mmio, table + 16 * i + 8, 0x30 + i, 4);
		bus_write(g.machine.mmio, table + 16 * i + 12, 0, 4);
	}
	bus_write(g.machine.ports, 0xcf8, 1U << 31 | 1 << 11 | 0x40, 4);
	bus_write(g.machine.ports, 0xcfe, 0x8000, 2);
	assert_true(pci_msix_enabled(&g.nvme->pci));
}

struct shadow {
	uint32_t *doorbell, *event_index;
};

static struct shadow use_shadow_doorbells(void)
{
	struct nvme_sqe e = {.opcode = NVME_ADMIN_DOORBELL_BUFFER};

	e.prp1 = nvme_guest_page(&g);
	e.prp2 = nvme_guest_page(&g);
	assert_int_equal(nvme_guest_do(&g, 0, &e, NULL), NVME_SUCCESS);
	return (struct shadow){nvme_guest_at(&g, e.prp1), nvme_guest_at(&g, e.prp2)};
}

static unsigned int armed_doorbells(void)
{
	unsigned int n = 0;

	for (int i = 0; i < FAKE_DOORBELLS; i++)
		n += fake_kvm.doorbell[i].used;
	return n;
}

static void doorbells_in_memory_spare_exits(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct shadow s;
	uint64_t exits;

	(void)state;
	enable_msix();
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	assert_int_equal(armed_doorbells(), 0);
	s = use_shadow_doorbells();
	assert_int_equal(armed_doorbells(), 2 * NVME_GUEST_QUEUES);
	assert_int_equal(s.doorbell[2], 1); /* where BAR 0 had it */
	assert_int_equal(s.doorbell[3], 1);
	exits = g.nvme->doorbell_exits;

	s.doorbell[2] = 2;
	nvme_guest_put(&g, 1, &e);
	nvme_pair_run(&g.nvme->pair[1]); /* as KVM's eventfd has it */
	assert_int_equal(fake_disk.answered, 2);
	assert_int_equal(s.event_index[2], 2); /* the next one is to wake us */
	s.doorbell[3] = 2;
	nvme_guest_put(&g, 1, &e);
	s.doorbell[2] = 3;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(s.event_index[3], 1); /* behind the head: do not */
	assert_int_equal(g.nvme->doorbell_exits, exits);

	/* A write that did come to us only wakes; its value is not looked at. */
	nvme_guest_write(&g, nvme_doorbell(1, false), 7, 4);
	nvme_guest_run(&g);
	assert_int_equal(fake_disk.answered, 3);
	nvme_guest_write(&g, NVME_REG_CC, 0, 4);
	assert_int_equal(armed_doorbells(), 0);
}

static struct shadow meanwhile;

static void put_another(void)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	nvme_guest_put(&g, 1, &e);
	meanwhile.doorbell[2] = g.queue[1].tail;
	/* The driver sees no reason to wake us: 5.7's formula, as Linux has it. */
	assert_int_not_equal(meanwhile.event_index[2], g.queue[1].tail - 1);
}

static void what_comes_while_the_disk_works_needs_no_doorbell(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	(void)state;
	meanwhile = use_shadow_doorbells();
	nvme_guest_put(&g, 1, &e);
	meanwhile.doorbell[2] = g.queue[1].tail;
	fake_disk.working = put_another;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 2);
	assert_int_equal(g.nvme->pair[1].sq.found, 1);
	assert_int_equal(meanwhile.event_index[2], g.queue[1].tail);

	/* Nor if we were woken for nothing. */
	fake_disk.working = put_another;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 3);
}

/* A driver that keeps so many commands in flight, if it can: it sends one while the disk does
 * the one before, and takes completions when it is interrupted. */
static struct {
	unsigned int depth, in_flight;
	uint64_t signals;
} driver;

static void drive(void)
{
	const struct nvme_cq *q = &g.nvme->pair[1].cq;

	if (q->signals != driver.signals) {
		driver.signals = q->signals;
		driver.in_flight -= count_completions(1);
		meanwhile.doorbell[3] = g.queue[1].head;
	}
	if (driver.in_flight < driver.depth) {
		struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

		nvme_guest_put(&g, 1, &e);
		meanwhile.doorbell[2] = g.queue[1].tail;
		driver.in_flight++;
	}
	fake_disk.working = drive;
}

/* Until so many more are done. */
static void drive_with(unsigned int depth, unsigned int commands)
{
	struct nvme_pair *p = &g.nvme->pair[1];
	uint64_t end = p->cq.completions + commands;

	driver.depth = depth;
	while (p->cq.completions < end) {
		drive();
		nvme_pair_run(p);
	}
}

static void setup_driver(void)
{
	eventfd_t n;

	enable_msix();
	meanwhile = use_shadow_doorbells();
	memset(&driver, 0, sizeof(driver));
	/* What rang and was seen to by hand is no longer to be seen to. */
	for (unsigned int i = 0; i <= NVME_GUEST_QUEUES; i++)
		eventfd_read(g.nvme->pair[i].kick_fd, &n);
}

/* The driver waits for each: a look at whether it has more in flight is a rare thing. */
static void one_command_at_a_time_is_not_held(void **state)
{
	const struct nvme_pair *p = &g.nvme->pair[1];

	(void)state;
	setup_driver();
	drive_with(1, 2000);
	assert_int_equal(p->cq.signals, p->cq.completions);
	assert_in_range(p->look.in_vain, 1, 8);
	assert_in_range(p->look.looks, 1, 16);
}

static void many_commands_in_flight_share_interrupts(void **state)
{
	const struct nvme_cq *q = &g.nvme->pair[1].cq;
	uint64_t signals, completions;

	(void)state;
	setup_driver();
	drive_with(1, 200);
	drive_with(7, 600); /* when it is noticed that there are more */
	signals = q->signals;
	completions = q->completions;
	drive_with(7, 600);
	assert_true((q->signals - signals) * 3 < q->completions - completions);
	drive_with(1, 100);
	signals = q->signals;
	completions = q->completions;
	drive_with(1, 100);
	assert_int_equal(q->signals - signals, q->completions - completions);
}

static void await(const uint64_t *counter, uint64_t value)
{
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < value)
		sched_yield();
}

/* As KVM would ring it, if the driver has reason to. */
static void put_and_ring(void)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	uint32_t before = g.queue[1].tail;

	nvme_guest_put(&g, 1, &e);
	__atomic_store_n(&meanwhile.doorbell[2], g.queue[1].tail, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&meanwhile.event_index[2], __ATOMIC_SEQ_CST) == before)
		eventfd_write(g.nvme->pair[1].kick_fd, 1);
}

/* With a thread: the driver's next command comes while we look, or a little later. */
static void looking_for_the_next_command_loses_none(void **state)
{
	struct nvme_pair *p = &g.nvme->pair[1];
	unsigned int commands = 0;

	(void)state;
	enable_msix();
	meanwhile = use_shadow_doorbells();
	assert_int_equal(loop_start(g.machine.io), 0);
	while (commands < 20000 &&
	       counter_read(&p->look.looks) == counter_read(&p->look.in_vain)) {
		p->look.target = 2;
		p->look.gap.usual_ns = 400000;
		put_and_ring();
		await(&p->cq.completions, ++commands);
		put_and_ring();
		await(&p->cq.completions, ++commands);
		assert_int_equal(count_completions(1), 2);
		__atomic_store_n(&meanwhile.doorbell[3], g.queue[1].head, __ATOMIC_RELEASE);
	}
	/* A driver that waits for its interrupt gets it. */
	for (int i = 0; i < 100; i++, commands++) {
		uint64_t signals = counter_read(&p->cq.signals);

		put_and_ring();
		await(&p->cq.signals, signals + 1);
		assert_int_equal(count_completions(1), 1);
		__atomic_store_n(&meanwhile.doorbell[3], g.queue[1].head, __ATOMIC_RELEASE);
	}
	loop_stop(g.machine.io);
	assert_int_equal(p->sq.commands, commands);
	assert_int_equal(p->cq.completions, commands);
	assert_true(p->look.looks > p->look.in_vain);
}

static void nonsense_in_memory_is_ignored(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct shadow s = use_shadow_doorbells();

	(void)state;
	nvme_guest_put(&g, 1, &e);
	s.doorbell[2] = 0xffffffff;
	s.doorbell[3] = 0x80000000;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 0);
	assert_true(g.nvme->bad_doorbells > 0);
	s.doorbell[2] = 1;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 1);
}

static void a_full_queue_asks_for_the_head_in_memory(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct shadow s = use_shadow_doorbells();

	(void)state;
	for (int i = 0; i < 7; i++)
		nvme_guest_put(&g, 1, &e);
	s.doorbell[2] = 7;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 7);
	nvme_guest_put(&g, 1, &e);
	s.doorbell[2] = 0;
	nvme_pair_run(&g.nvme->pair[1]);
	assert_int_equal(fake_disk.answered, 7);
	assert_int_equal(s.event_index[3], 0); /* any move of the head is to wake us */
	s.doorbell[3] = 1;
	nvme_pair_run(&g.nvme->pair[1]);
	nvme_guest_run(&g);
	assert_int_equal(fake_disk.answered, 8);
}

static void one_interrupt_for_a_batch(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	(void)state;
	enable_msix();
	for (int i = 0; i < 5; i++)
		nvme_guest_put(&g, 2, &e);
	nvme_guest_ring(&g, 2);
	assert_int_equal(pci_msix_signals(&g.nvme->pci, 2), 1);
	assert_int_equal(pci_msix_signals(&g.nvme->pci, 0), 0);
	assert_int_equal(g.nvme->pair[2].cq.signals, 1);
	assert_int_equal(count_completions(2), 5);
}

static bool pin(void)
{
	return fake_kvm.line[16 + g.nvme->pci.slot % 4];
}

static void without_msix_the_pin_is_used(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	(void)state;
	nvme_guest_run(&g);
	assert_false(pin());
	nvme_guest_put(&g, 2, &e);
	nvme_guest_ring(&g, 2);
	assert_true(pin());
	nvme_guest_write(&g, NVME_REG_INTMS, 1, 4);
	assert_int_equal(nvme_guest_read(&g, NVME_REG_INTMC, 4), 1);
	assert_false(pin());
	nvme_guest_write(&g, NVME_REG_INTMC, 1, 4);
	assert_true(pin());
	assert_int_equal(count_completions(2), 1);
	nvme_guest_run(&g);
	assert_false(pin());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_lies_wherever_prps_say),
		TEST(pages_side_by_side_are_one_piece),
		TEST(bad_prps_are_refused),
		TEST(wrong_commands_get_the_right_errors),
		TEST(what_the_disk_answers_is_passed_on),
		TEST(writes_are_durable_if_they_must_be),
		TEST(zeroes_and_flushes),
		TEST(ranges_are_deallocated_one_by_one),
		TEST(a_full_completion_queue_holds_commands_back),
		TEST(commands_run_out_and_come_back),
		TEST(a_reset_waits_for_what_is_in_flight),
		TEST(a_deleted_queue_finishes_its_commands),
		TEST(doorbells_in_memory_spare_exits),
		TEST(what_comes_while_the_disk_works_needs_no_doorbell),
		TEST(one_command_at_a_time_is_not_held),
		TEST(many_commands_in_flight_share_interrupts),
		TEST(looking_for_the_next_command_loses_none),
		TEST(nonsense_in_memory_is_ignored),
		TEST(a_full_queue_asks_for_the_head_in_memory),
		TEST(one_interrupt_for_a_batch),
		TEST(without_msix_the_pin_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
