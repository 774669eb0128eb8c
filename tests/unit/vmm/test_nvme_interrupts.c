/*
 * How the driver learns that the NVMe controller has done its commands: by which interrupt, one
 * for how many, and none held back from a driver that waits for it.
 */
#include "tests/unit/vmm/cmocka.h"

#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>

#include "tests/unit/vmm/nvme_case.h"
#include "vmm/virtio/counter.h"

static void one_interrupt_for_a_batch(void **state)
{
	struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

	(void)state;
	nvme_guest_enable_msix(&g);
	for (int i = 0; i < 5; i++)
		nvme_guest_put(&g, 2, &e);
	nvme_guest_ring(&g, 2);
	assert_int_equal(pci_msix_signals(&g.nvme->pci, 2), 1);
	assert_int_equal(pci_msix_signals(&g.nvme->pci, 0), 0);
	assert_int_equal(g.nvme->pair[2].cq.signals, 1);
	assert_int_equal(nvme_guest_take_all(&g, 2), 5);
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
	assert_int_equal(nvme_guest_take_all(&g, 2), 1);
	nvme_guest_run(&g);
	assert_false(pin());
}

static struct nvme_guest_shadow shadow;

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
		driver.in_flight -= nvme_guest_take_all(&g, 1);
		shadow.doorbell[3] = g.queue[1].head;
	}
	if (driver.in_flight < driver.depth) {
		struct nvme_sqe e = {.opcode = NVME_IO_FLUSH, .nsid = 1};

		nvme_guest_put(&g, 1, &e);
		shadow.doorbell[2] = g.queue[1].tail;
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

	nvme_guest_enable_msix(&g);
	shadow = nvme_guest_share_doorbells(&g);
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
	__atomic_store_n(&shadow.doorbell[2], g.queue[1].tail, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&shadow.event_index[2], __ATOMIC_SEQ_CST) == before)
		eventfd_write(g.nvme->pair[1].kick_fd, 1);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* With a thread: the driver's next command comes while we look, or a little later. */
static void looking_for_the_next_command_loses_none(void **state)
{
	struct nvme_pair *p = &g.nvme->pair[1];
	unsigned int commands = 0;

	(void)state;
	nvme_guest_enable_msix(&g);
	shadow = nvme_guest_share_doorbells(&g);
	assert_int_equal(loop_start(g.machine.io), 0);
	while (commands < 20000 &&
	       counter_read(&p->look.looks) == counter_read(&p->look.in_vain)) {
		p->look.target = 2;
		p->look.gap.usual_ns = 400000;
		put_and_ring();
		await(&p->cq.completions, ++commands);
		put_and_ring();
		await(&p->cq.completions, ++commands);
		assert_int_equal(nvme_guest_take_all(&g, 1), 2);
		__atomic_store_n(&shadow.doorbell[3], g.queue[1].head, __ATOMIC_RELEASE);
	}
	/* The last interrupt comes after its completion. */
	loop_call(g.machine.io, nothing, NULL);
	/* A driver that waits for its interrupt gets it. */
	for (int i = 0; i < 100; i++, commands++) {
		uint64_t signals = counter_read(&p->cq.signals);

		put_and_ring();
		await(&p->cq.signals, signals + 1);
		assert_int_equal(nvme_guest_take_all(&g, 1), 1);
		__atomic_store_n(&shadow.doorbell[3], g.queue[1].head, __ATOMIC_RELEASE);
	}
	loop_stop(g.machine.io);
	assert_int_equal(p->sq.commands, commands);
	assert_int_equal(p->cq.completions, commands);
	assert_true(p->look.looks > p->look.in_vain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NVME_CASE(one_interrupt_for_a_batch),
		NVME_CASE(without_msix_the_pin_is_used),
		NVME_CASE(one_command_at_a_time_is_not_held),
		NVME_CASE(many_commands_in_flight_share_interrupts),
		NVME_CASE(looking_for_the_next_command_loses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
