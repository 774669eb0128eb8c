/*
 * Attribution: whatever hops a request has, at whatever times, layers and the unattributed
 * slice are the whole; gaps go where they belong; reversals are clamped or left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/attribution.h"

#define GUEST_ERROR_NS 100

static struct model *model_in(const char *place)
{
	struct model *m = model_create(0);
	json_t *meta =
		json_pack("{s:s,s:[{s:s}]}", "place", place, "devices", "role", "client");

	for (int hop = 0; hop < HOP_COUNT; hop++)
		m->hops[hop].events = hop != HOP_GUEST; /* somebody looks into it */
	assert_int_equal(model_take_meta(m, meta), 0);
	assert_int_equal(model_conclude(m), 0);
	json_decref(meta);
	m->domains[1].error_ns = GUEST_ERROR_NS;
	return m;
}

static unsigned int domain_of(int hop)
{
	return hop_table[hop].layer == LAYER_VM || hop_table[hop].layer == LAYER_SERVICE;
}

/* Every hop of the placement, ten nanoseconds apart. */
static struct request request_in(const struct model *m)
{
	struct request r = {.http.answered = true};
	uint64_t t = 1000;

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		if (!m->hops[hop].here)
			continue;
		r.hops[hop] = (struct hop_seen){.time_ns = t += 10,
						.domain = (uint8_t)domain_of(hop),
						.flags = HOP_SEEN};
	}
	return r;
}

static uint64_t sum_of(const struct request *r)
{
	uint64_t sum = r->unattributed_ns[0] + r->unattributed_ns[1];

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		sum += r->layer_ns[layer][0] + r->layer_ns[layer][1];
	return sum;
}

static void test_all_seen(void **state)
{
	static const char *const places[] = {"virtio", "container", "bare"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct model *m = model_in(places[i]);
		struct request r = request_in(m);
		unsigned int hops = 0;

		for (int hop = 0; hop < HOP_COUNT; hop++)
			hops += m->hops[hop].here;
		attribute(m, &r);
		assert_true(r.complete && r.measured);
		assert_int_equal(r.end_to_end_ns, 10 * (hops - 1));
		assert_int_equal(sum_of(&r), r.end_to_end_ns);
		assert_int_equal(r.unattributed_ns[0] + r.unattributed_ns[1], 0);
		assert_int_equal(m->pairs_checked, hops - 1);
		assert_int_equal(m->violations, 0);
		model_free(m);
	}
}

/* The gap that a missing hop leaves. */
static void without(enum strata_hop hop, bool complete, uint64_t unattributed_ns)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);

	r.hops[hop].flags = 0;
	attribute(m, &r);
	assert_int_equal(r.complete, complete);
	assert_true(r.measured);
	assert_int_equal(r.unattributed_ns[0] + r.unattributed_ns[1], unattributed_ns);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);
	model_free(m);
}

static void test_gaps(void **state)
{
	(void)state;
	without(HOP_TCP_RX, true, 0);       /* the same layer on both sides and in between */
	without(HOP_PORT_QUEUE, false, 0);  /* the same, but needed */
	without(HOP_NIC_RX, false, 0);      /* nic.irq of the same layer goes before it */
	without(HOP_GUEST_IRQ, true, 20);   /* when did the guest begin? */
	without(HOP_VSWITCH_IN, false, 20); /* when did the vSwitch? */
	without(HOP_NGINX_PROCESS, true, 0);
	without(HOP_APP_WRITE, false, 20);
}

/* A hop that no probe can mark is no gap: it is as if the table did not have it. */
static void test_not_in_force(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);

	(void)state;
	m->hops[HOP_GUEST_IRQ].expected = false;
	r.hops[HOP_GUEST_IRQ].flags = 0;
	attribute(m, &r);
	assert_int_equal(r.unattributed_ns[0], 0);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);
	model_free(m);
}

static void test_ends_missing(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);

	(void)state;
	r.hops[HOP_CLIENT_RECV].flags = 0;
	attribute(m, &r);
	assert_false(r.measured || r.complete);
	r = request_in(m);
	r.http.answered = false;
	attribute(m, &r);
	assert_false(r.measured || r.complete);
	memset(&r, 0, sizeof(r));
	attribute(m, &r);
	assert_false(r.measured || r.complete);
	model_free(m);
}

/* Two kernels: within the error it is moved, beyond it is not believed. */
static void test_reversals(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);

	(void)state;
	r.hops[HOP_GUEST_IRQ].time_ns = r.hops[HOP_KVM_ENTRY].time_ns - GUEST_ERROR_NS;
	attribute(m, &r);
	assert_int_equal(r.hops[HOP_GUEST_IRQ].flags, HOP_SEEN | HOP_CLAMPED);
	assert_int_equal(r.hops[HOP_GUEST_IRQ].time_ns, r.hops[HOP_KVM_ENTRY].time_ns);
	assert_int_equal(r.violations, 0);
	assert_int_equal(m->clamped_max_ns, GUEST_ERROR_NS);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);

	r = request_in(m);
	r.hops[HOP_GUEST_IRQ].time_ns = r.hops[HOP_KVM_ENTRY].time_ns - GUEST_ERROR_NS - 1;
	attribute(m, &r);
	assert_int_equal(r.violations, 1);
	assert_int_equal(m->violations_after[HOP_GUEST_IRQ], 1);
	assert_true(r.hops[HOP_GUEST_IRQ].flags & HOP_LEFT_OUT);
	assert_true(r.complete && r.measured);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);

	/* one kernel: its own clock is not in doubt */
	r = request_in(m);
	r.hops[HOP_TCP_RX].time_ns = r.hops[HOP_STACK_RX].time_ns - 1;
	attribute(m, &r);
	assert_int_equal(r.violations, 1);
	model_free(m);
}

/* While the vCPU is outside guest mode, the guest's time is the hypervisor's. */
static void test_outside(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m), plain = r;

	(void)state;
	attribute(m, &plain);
	r.hops[HOP_TCP_RX].outside_ns = 4;
	r.hops[HOP_NGINX_RESPOND].outside_ns = 1000; /* more than there is: all of it */
	attribute(m, &r);
	assert_int_equal(r.outside_ns[DIRECTION_REQUEST], 4);
	assert_int_equal(r.outside_ns[DIRECTION_REPLY], 10);
	assert_int_equal(r.layer_ns[LAYER_VM][DIRECTION_REQUEST],
			 plain.layer_ns[LAYER_VM][DIRECTION_REQUEST] - 4);
	assert_int_equal(r.layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST],
			 plain.layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST] + 4);
	assert_int_equal(r.layer_ns[LAYER_SERVICE][DIRECTION_REPLY],
			 plain.layer_ns[LAYER_SERVICE][DIRECTION_REPLY] - 10);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);
	model_free(m);
}

/* Hops that are causes themselves come before the many of a later hop: not all fit. */
static void test_too_many_causes(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);

	(void)state;
	for (int i = 0; i < REQUEST_CAUSES_MAX; i++)
		r.causes.at[r.causes.count++] = (struct request_cause){
			.ns = 1, .hop = HOP_CLIENT_RX, .actor = (uint16_t)i};
	r.hops[HOP_CLIENT_RECV].time_ns += 1000;
	attribute(m, &r);
	assert_int_equal(r.causes.count, REQUEST_CAUSES_MAX);
	assert_int_not_equal(r.causes.at[0].hop, HOP_CLIENT_RX);
	assert_int_equal(r.causes.at[REQUEST_CAUSES_MAX - 1].hop, HOP_CLIENT_RX);
	assert_true(r.causes.full);
	model_free(m);
}

/* One hop that is far too late does not make all that follow unbelievable. */
static void test_one_liar(void **state)
{
	struct model *m = model_in("virtio");
	struct request r = request_in(m);
	unsigned int left_out = 0;

	(void)state;
	r.hops[HOP_KVM_IRQ].time_ns += 1000000;
	attribute(m, &r);
	for (int hop = 0; hop < HOP_COUNT; hop++)
		left_out += (r.hops[hop].flags & HOP_LEFT_OUT) != 0;
	assert_int_equal(left_out, 1);
	assert_true(r.hops[HOP_KVM_IRQ].flags & HOP_LEFT_OUT);
	assert_int_equal(r.violations, 1);
	assert_int_equal(sum_of(&r), r.end_to_end_ns);
	model_free(m);
}

static uint32_t draw(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*x >> 33);
}

/* Any hops at any times: the identity holds, and the ladder never goes back in time. */
static void test_random(void **state)
{
	static const char *const places[] = {"virtio", "container", "bare"};
	uint64_t x = 1;
	unsigned int measured = 0;

	(void)state;
	for (unsigned int n = 0; n < 30000; n++) {
		struct model *m = model_in(places[n % 3]);
		struct request r = request_in(m);
		struct rung rungs[HOP_COUNT];
		uint64_t rung_sum = 0;
		size_t count;

		for (int hop = 0; hop < HOP_COUNT; hop++) {
			if (draw(&x) % 8 == 0)
				r.hops[hop].flags = 0;
			if (draw(&x) % 4 == 0)
				r.hops[hop].time_ns = 500 + draw(&x) % 1000;
			if (draw(&x) % 4 == 0)
				r.hops[hop].outside_ns = draw(&x) % 30;
			m->hops[hop].expected = m->hops[hop].here && draw(&x) % 4;
		}
		attribute(m, &r);
		count = request_ladder(m, &r, rungs);
		for (size_t i = 0; i < count; i++) {
			assert_true(!i || rungs[i].time_ns >= rungs[i - 1].time_ns);
			rung_sum += rungs[i].took_ns;
		}
		if (r.measured) {
			measured++;
			assert_int_equal(sum_of(&r), r.end_to_end_ns);
			assert_int_equal(rung_sum, r.end_to_end_ns);
		} else {
			assert_int_equal(sum_of(&r), 0);
		}
		model_free(m);
	}
	assert_true(measured > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_seen),        cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_not_in_force),    cmocka_unit_test(test_ends_missing),
		cmocka_unit_test(test_reversals),       cmocka_unit_test(test_one_liar),
		cmocka_unit_test(test_random),          cmocka_unit_test(test_outside),
		cmocka_unit_test(test_too_many_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
