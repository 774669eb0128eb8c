/* Context hops: which interrupt, wake-up, entry and doorbell belong to a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/contexts.h"

#define PUBLISH  1000
#define ARRIVAL  2000
#define XMIT     3000
#define POP      4000
#define ERROR_NS 10

static struct {
	struct contexts *contexts;
	struct model *m;
	struct request r;
} t;

static void see(enum strata_hop hop, uint64_t time_ns, uint8_t domain)
{
	t.r.hops[hop] =
		(struct hop_seen){.time_ns = time_ns, .domain = domain, .flags = HOP_SEEN};
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.contexts = contexts_create(1000);
	t.m = model_create(0);
	t.m->place = PLACE_VIRTIO;
	t.m->domains[1].error_ns = ERROR_NS;
	t.m->domains[1].vm = 1;
	t.m->domains[1].events = 1;
	t.m->domain_count = 2;
	for (int hop = 0; hop < HOP_COUNT; hop++)
		t.m->hops[hop].in_force = true;
	t.r.vm = 1;
	see(HOP_VMM_RX_PUBLISH, PUBLISH, 0);
	see(HOP_GUEST_IRQ, ARRIVAL, 1);
	see(HOP_STACK_XMIT, XMIT, 1);
	see(HOP_VMM_TX_POP, POP, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	contexts_destroy(t.contexts);
	model_free(t.m);
	return 0;
}

static void happen(enum strata_hop hop, uint64_t time_ns, uint8_t vm, uint16_t vcpu)
{
	struct observation o = {.time_ns = time_ns,
				.hop = (uint8_t)hop,
				.flags = EVENT_CONTEXT,
				.vm = vm,
				.queue = vcpu};

	assert_int_equal(contexts_add(t.contexts, &o), 0);
}

static void join(void)
{
	contexts_join(t.contexts, t.m, &t.r);
}

static void expect(enum strata_hop hop, uint64_t time_ns)
{
	assert_true(t.r.hops[hop].flags & HOP_SEEN);
	assert_int_equal(t.r.hops[hop].time_ns, time_ns);
}

static void expect_none(enum strata_hop hop)
{
	assert_int_equal(t.r.hops[hop].flags, 0);
}

static void test_ordinary(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, 900, 1, 0); /* an earlier one */
	happen(HOP_KVM_IRQ, 1100, 1, 0);
	happen(HOP_KVM_IRQ, 1200, 1, 0);
	happen(HOP_VCPU_WAKE, 1110, 1, 0);
	happen(HOP_VCPU_RUN, 1300, 1, 0);
	happen(HOP_KVM_ENTRY, 1310, 1, 0);
	happen(HOP_KVM_ENTRY, 1900, 1, 0);
	happen(HOP_KVM_ENTRY, 2500, 1, 0); /* a later one */
	happen(HOP_KVM_EXIT, 3100, 1, 0);
	happen(HOP_KVM_KICK, 3110, 1, 0);
	happen(HOP_KVM_EXIT, 3200, 1, 0);
	happen(HOP_KVM_KICK, 3210, 1, 0);
	happen(HOP_KVM_KICK, 4001, 1, 0); /* after the VMM was at it */
	join();
	expect(HOP_KVM_IRQ, 1100);
	expect(HOP_VCPU_WAKE, 1110);
	expect(HOP_VCPU_RUN, 1300);
	expect(HOP_KVM_ENTRY, 1900);
	expect(HOP_KVM_EXIT, 3200);
	expect(HOP_KVM_KICK, 3210);
}

static void away(uint64_t from_ns, uint64_t to_ns)
{
	struct observation o = {.time_ns = to_ns,
				.len = (uint32_t)(to_ns - from_ns),
				.hop = CONTEXT_VCPU_OUT,
				.flags = EVENT_CONTEXT,
				.vm = 1};

	assert_int_equal(contexts_add(t.contexts, &o), 0);
}

/* Nobody looks into the guest: what it was given, what it rang, and that lies between. */
static void look_away(void)
{
	t.m->domains[1].events = 0;
	memset(t.r.hops, 0, sizeof(t.r.hops));
	see(HOP_VMM_RX_READ, PUBLISH, 0);
	see(HOP_PORT_RX, POP, 0);
}

static void test_dark(void **state)
{
	(void)state;
	look_away();
	happen(HOP_KVM_IRQ, 1100, 1, 0);
	happen(HOP_VCPU_WAKE, 1110, 1, 0);
	happen(HOP_VCPU_RUN, 1300, 1, 0);
	away(1110, 1310);
	happen(HOP_KVM_ENTRY, 1310, 1, 0);
	away(2000, 2100);
	happen(HOP_KVM_EXIT, 3200, 1, 0);
	happen(HOP_KVM_KICK, 3210, 1, 0);
	join();
	expect(HOP_KVM_IRQ, 1100);
	expect(HOP_VCPU_WAKE, 1110);
	expect(HOP_VCPU_RUN, 1300);
	expect(HOP_KVM_ENTRY, 1310);
	expect(HOP_GUEST, 1310);
	assert_int_equal(t.r.hops[HOP_GUEST].outside_ns, 100);
	expect(HOP_KVM_EXIT, 3200);
	expect(HOP_KVM_KICK, 3210);
}

/* Another thread interrupts, for a disk, before the one that took the frame does. */
static void test_dark_disk(void **state)
{
	struct observation o = {
		.time_ns = 1150, .tid = 5, .hop = HOP_KVM_IRQ, .flags = EVENT_CONTEXT, .vm = 1};

	(void)state;
	look_away();
	t.m->hops[HOP_VMM_RX_PUBLISH].in_force = false;
	see(HOP_VMM_RX_READ, PUBLISH, 0);
	t.r.hops[HOP_VMM_RX_READ].tid = 5;
	happen(HOP_KVM_IRQ, 1100, 1, 0);
	join();
	expect(HOP_KVM_IRQ, 1100); /* nobody else sent any */
	assert_int_equal(contexts_add(t.contexts, &o), 0);
	join();
	expect(HOP_KVM_IRQ, 1150);
	t.m->hops[HOP_VMM_RX_PUBLISH].in_force = true; /* the VMM tells which it is */
	join();
	expect(HOP_KVM_IRQ, 1100);
}

/* It was running when the interrupt came: a later entry is for something else. */
static void test_dark_running(void **state)
{
	(void)state;
	look_away();
	happen(HOP_KVM_IRQ, 1100, 1, 0);
	away(2000, 2050);
	happen(HOP_KVM_ENTRY, 2050, 1, 0);
	join();
	expect(HOP_KVM_IRQ, 1100);
	expect_none(HOP_KVM_ENTRY);
	expect(HOP_GUEST, 1100);
	expect_none(HOP_KVM_EXIT);
}

/* vhost's worker was woken for the reply: by the last doorbell before that. */
static void test_dark_vhost(void **state)
{
	(void)state;
	look_away();
	t.m->place = PLACE_VHOST;
	see(HOP_PORT_XMIT, 900, 0);
	see(HOP_VHOST_RX_READ, PUBLISH, 0);
	happen(HOP_KVM_KICK, 3000, 1, 0);
	happen(HOP_KVM_KICK, 3500, 1, 0); /* meanwhile: not what woke it */
	for (int i = 0; i < 2; i++) {
		struct observation o = {.time_ns = i ? 3600 : 3010,
					.hop = i ? CONTEXT_WORKER_RUN : CONTEXT_WORKER_WAKE,
					.flags = EVENT_CONTEXT,
					.vm = 1};

		assert_int_equal(contexts_add(t.contexts, &o), 0);
	}
	join();
	expect(HOP_KVM_KICK, 3000);
	expect(HOP_VHOST_TX_WAKE, 3010);
	expect(HOP_VHOST_TX_RUN, 3600);
}

static void test_others(void **state)
{
	(void)state;
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		if (hop == HOP_KVM_KICK || hop == HOP_KVM_EXIT)
			happen((enum strata_hop)hop, 3500, 2, 0); /* another VM's */
		else
			happen((enum strata_hop)hop, 1500, 2, 0);
	}
	happen(HOP_KVM_IRQ, 1500, 1, 0);
	happen(HOP_VCPU_WAKE, 1600, 1, 1); /* another vCPU's */
	happen(HOP_KVM_ENTRY, 1600, 1, 1);
	join();
	expect(HOP_KVM_IRQ, 1500);
	expect_none(HOP_VCPU_WAKE);
	expect_none(HOP_VCPU_RUN);
	expect_none(HOP_KVM_ENTRY);
	expect_none(HOP_KVM_EXIT);
	expect_none(HOP_KVM_KICK);
}

/* The guest polls, the VMM is at work: nobody is told, and that is by design. */
static void test_polling(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, 500, 1, 0);
	happen(HOP_VCPU_WAKE, 1500, 1, 0); /* a timer's */
	happen(HOP_KVM_ENTRY, 1600, 1, 0);
	happen(HOP_KVM_EXIT, 3500, 1, 0); /* for something else */
	join();
	expect_none(HOP_KVM_IRQ);
	expect_none(HOP_VCPU_WAKE);
	expect(HOP_KVM_ENTRY, 1600);
	expect_none(HOP_KVM_KICK);
	expect_none(HOP_KVM_EXIT);
}

/* The guest's clock may be off by its error: what belongs is found all the same. */
static void test_clock_error(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, ARRIVAL + ERROR_NS, 1, 0);
	happen(HOP_KVM_ENTRY, ARRIVAL + ERROR_NS, 1, 0);
	happen(HOP_KVM_KICK, XMIT - ERROR_NS, 1, 0);
	join();
	expect(HOP_KVM_IRQ, ARRIVAL + ERROR_NS);
	expect(HOP_KVM_ENTRY, ARRIVAL + ERROR_NS);
	expect(HOP_KVM_KICK, XMIT - ERROR_NS);
}

/* At the same nanosecond is not too late. */
static void test_edges(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, PUBLISH, 1, 0);
	happen(HOP_KVM_ENTRY, ARRIVAL, 1, 0);
	happen(HOP_KVM_EXIT, POP, 1, 0);
	happen(HOP_KVM_KICK, POP, 1, 0);
	join();
	expect(HOP_KVM_IRQ, PUBLISH);
	expect(HOP_KVM_ENTRY, ARRIVAL);
	expect(HOP_KVM_EXIT, POP);
	expect(HOP_KVM_KICK, POP);
}

static void test_beyond_error(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, ARRIVAL + ERROR_NS + 1, 1, 0);
	happen(HOP_KVM_KICK, XMIT - ERROR_NS - 1, 1, 0);
	join();
	expect_none(HOP_KVM_IRQ);
	expect_none(HOP_KVM_KICK);
}

static void test_ends_missing(void **state)
{
	(void)state;
	happen(HOP_KVM_IRQ, 1500, 1, 0);
	happen(HOP_KVM_KICK, 3500, 1, 0);
	t.r.hops[HOP_GUEST_IRQ].flags = 0;
	t.r.hops[HOP_VMM_TX_POP].flags = 0;
	join();
	expect_none(HOP_KVM_IRQ);
	expect_none(HOP_KVM_KICK);
}

static void outside(uint64_t from_ns, uint64_t to_ns, uint8_t vm, uint16_t vcpu)
{
	struct observation o = {.time_ns = to_ns, /* it is told of when it ends */
				.len = (uint32_t)(to_ns - from_ns),
				.hop = CONTEXT_VCPU_OUT,
				.flags = EVENT_CONTEXT,
				.vm = vm,
				.queue = vcpu};

	assert_int_equal(contexts_add(t.contexts, &o), 0);
}

/* What of the guest's hops its vCPU was not there: of each, only what lies within it. */
static void test_outside(void **state)
{
	(void)state;
	see(HOP_APP_READ, 2500, 1);
	t.r.hops[HOP_APP_READ].cpu = 1;
	outside(1800, 1900, 1, 0); /* before the guest's first hop */
	outside(1950, 2050, 1, 0); /* half of it */
	outside(2100, 2110, 1, 0);
	outside(2200, 2300, 2, 0); /* another VM's */
	outside(2400, 2600, 1, 1); /* the other vCPU, where nginx reads */
	outside(2450, 2700, 1, 0); /* and across the hop's end */
	outside(5000, 5001, 1, 0);
	join();
	assert_int_equal(t.r.hops[HOP_GUEST_IRQ].outside_ns, 50 + 10 + 50);
	assert_int_equal(t.r.hops[HOP_APP_READ].outside_ns, 100);
	assert_int_equal(t.r.hops[HOP_STACK_XMIT].outside_ns, 0);
	assert_int_equal(t.r.hops[HOP_VMM_RX_PUBLISH].outside_ns, 0);
}

/* The newest are kept. */
static void test_bounded(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 100000; i++)
		happen(HOP_KVM_IRQ, i, 1, 0);
	join();
	expect_none(HOP_KVM_IRQ); /* long forgotten */
	t.r.hops[HOP_VMM_RX_PUBLISH].time_ns = 99700;
	t.r.hops[HOP_GUEST_IRQ].time_ns = 99800;
	join();
	expect(HOP_KVM_IRQ, 99700);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ordinary),     TEST(test_dark),        TEST(test_dark_running),
		TEST(test_dark_disk),    TEST(test_dark_vhost),  TEST(test_others),
		TEST(test_polling),      TEST(test_clock_error), TEST(test_beyond_error),
		TEST(test_ends_missing), TEST(test_bounded),     TEST(test_edges),
		TEST(test_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
