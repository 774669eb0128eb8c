/*
 * The NVMe controller's queues, full and in mid-flight: commands that wait for room, resets and
 * deletions meanwhile.
 */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>

#include "tests/unit/vmm/nvme_case.h"

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
	assert_int_equal(nvme_guest_take_all(&g, 0), 0);
	fake_disk.hold = false;
	disk_run(g.nvme->disk);
	nvme_guest_run(&g);
	assert_int_equal(fake_disk.answered, 1400);
	assert_int_equal(nvme_guest_take_all(&g, 0), 1);
	assert_int_equal(nvme_guest_take_all(&g, 1), 700);
	assert_int_equal(nvme_guest_take_all(&g, 2), 700);
}

static void a_reset_waits_for_what_is_in_flight(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_READ, .nsid = 1, .cdw12 = 7};

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
	assert_int_equal(nvme_guest_take_all(&g, 1), 3);
	nvme_guest_put(&g, 1, &e);
	nvme_guest_ring(&g, 1);
	assert_int_equal(fake_disk.held, 0);
	assert_int_equal(g.nvme->bad_doorbells, 1);
	delete.opcode = NVME_ADMIN_DELETE_CQ;
	assert_int_equal(nvme_guest_do(&g, 0, &delete, NULL), NVME_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_CASE(a_full_completion_queue_holds_commands_back),
		NVME_CASE(commands_run_out_and_come_back),
		NVME_CASE(a_reset_waits_for_what_is_in_flight),
		NVME_CASE(a_deleted_queue_finishes_its_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
