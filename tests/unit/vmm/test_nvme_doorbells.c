/*
 * How the NVMe controller learns of commands where the driver has its doorbells in memory: with
 * no exit if it can, and with none lost.
 */
#include "tests/unit/vmm/cmocka.h"

#include "tests/unit/vmm/nvme_case.h"

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
	struct nvme_guest_shadow s;
	uint64_t exits;

	(void)state;
	nvme_guest_enable_msix(&g);
	assert_int_equal(nvme_guest_do(&g, 1, &e, NULL), NVME_SUCCESS);
	assert_int_equal(armed_doorbells(), 0);
	s = nvme_guest_share_doorbells(&g);
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

static struct nvme_guest_shadow meanwhile;

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
	meanwhile = nvme_guest_share_doorbells(&g);
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

static void nonsense_in_memory_is_ignored(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};
	struct nvme_guest_shadow s = nvme_guest_share_doorbells(&g);

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
	struct nvme_guest_shadow s = nvme_guest_share_doorbells(&g);

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_CASE(doorbells_in_memory_spare_exits),
		NVME_CASE(what_comes_while_the_disk_works_needs_no_doorbell),
		NVME_CASE(nonsense_in_memory_is_ignored),
		NVME_CASE(a_full_queue_asks_for_the_head_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
