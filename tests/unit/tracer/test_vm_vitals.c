/* How VMs fared: sums and rates between looks; what nobody told is no 0; what a guest says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <asm/svm.h>
#include <math.h>

#include "lib/exits.h"
#include "tracer/vm_vitals.h"

#define HALT  (EXIT_ISA_SVM << EXIT_ISA_SHIFT | SVM_EXIT_HLT)
#define CPUID (EXIT_ISA_SVM << EXIT_ISA_SHIFT | SVM_EXIT_CPUID)
#define S     1000000000ull

static struct vm_vitals *v;

static int open_vitals(void **state)
{
	(void)state;
	v = calloc(1, sizeof(*v));
	return v ? 0 : -1;
}

static int close_vitals(void **state)
{
	(void)state;
	vm_vitals_free(v);
	free(v);
	return 0;
}

static void tell(enum vital vital, uint64_t time_ns, uint16_t vcpu, uint64_t figure)
{
	const struct strata_event e = {
		.vm = 1, .queue = vcpu, .time_ns = time_ns, .arg32 = vital, .arg64 = figure};

	assert_int_equal(vm_vitals_take(v, &e), 0);
}

static void out(uint32_t reason, uint32_t halted_ns, uint64_t out_ns)
{
	const struct strata_event e = {
		.vm = 1, .arg32 = reason, .len = halted_ns, .arg64 = out_ns};

	vm_vitals_take_out(v, &e);
}

static void near(double is, double should)
{
	assert_true(fabs(is - should) < 1e-6);
}

static void test_rates(void **state)
{
	const struct model_vcpu *one;

	(void)state;
	out(CPUID, 0, 500);
	tell(VITAL_WAIT, 10 * S, 0, 100 * S);
	tell(VITAL_RUN, 10 * S, 0, 7 * S);
	out(CPUID, 0, 500);
	out(HALT, 30000, 1000);
	out(HALT | EXIT_POLLED, 10000, 1000);
	tell(VITAL_WAIT, 12 * S, 0, 101 * S);
	tell(VITAL_RUN, 12 * S, 0, 8 * S);
	out(CPUID, 0, 500);
	tell(VITAL_WAIT, 13 * S, 0, 101 * S);
	tell(VITAL_RUN, 13 * S, 0, 8 * S + S / 2);
	assert_int_equal(v->vcpus, 1);
	one = &v->vcpu[0];
	near(vcpu_seconds(one, false), 3);
	near(vcpu_seconds(one, true), 1);
	near(vcpu_sum(one, VCPU_EXITS, false), 4);
	near(vcpu_rate(one, VCPU_EXITS, true), 1);
	near(vcpu_rate(one, VCPU_RAN, false), 0.5);
	near(vcpu_rate(one, VCPU_RAN, true), 0.5);
	near(vcpu_rate(one, VCPU_WAITED, false), 1 / 3.0);
	near(vcpu_rate(one, VCPU_WAITED, true), 0);
	near(vcpu_sum(one, VCPU_HALTS, false), 2);
	near(vcpu_sum(one, VCPU_POLLED, false), 1);
	near(vcpu_sum(one, VCPU_HALTED, false), 40000);
	near(vcpu_sum(one, VCPU_OUT, false), 3000);
	assert_true(isnan(vcpu_rate(one, VCPU_STOLEN, false)));
}

/* A single look, or none: sums, but no rates. */
static void test_too_little(void **state)
{
	(void)state;
	out(CPUID, 0, 500);
	near(vcpu_sum(&v->vcpu[0], VCPU_EXITS, false), 1);
	assert_true(isnan(vcpu_rate(&v->vcpu[0], VCPU_EXITS, false)));
	assert_true(isnan(vcpu_sum(&v->vcpu[0], VCPU_POLLED, false)));
	tell(VITAL_RUN, S, 0, S);
	assert_true(isnan(vcpu_rate(&v->vcpu[0], VCPU_RAN, false)));
	tell(VITAL_RUN, S, 0, 2 * S); /* at the same time */
	assert_true(isnan(vcpu_rate(&v->vcpu[0], VCPU_RAN, true)));
}

/* A counter that runs backwards stands still; what is beyond the bounds is left out. */
static void test_nonsense(void **state)
{
	(void)state;
	tell(VITAL_STEAL, 0, 0, 5 * S);
	tell(VITAL_RUN, S, 0, S);
	tell(VITAL_STEAL, 0, 0, 4 * S);
	tell(VITAL_STEAL, 0, 0, 6 * S);
	tell(VITAL_STEAL, 0, 0, 0);
	tell(VITAL_RUN, 2 * S, 0, 2 * S);
	near(vcpu_rate(&v->vcpu[0], VCPU_STOLEN, false), 1);
	tell((enum vital)77, S, 0, 1);
	for (unsigned int i = 0; i < 1000; i++) {
		tell(VITAL_STEAL, 0, (uint16_t)i, UINT64_MAX);
		tell(VITAL_QUEUE, 0, (uint16_t)i, UINT64_MAX);
	}
	assert_int_equal(v->vcpus, VITAL_VCPUS_MAX);
	assert_int_equal(v->queues, MODEL_QUEUES_MAX);
}

static void test_queues(void **state)
{
	struct strata_event e = {
		.vm = 1, .device = 3, .queue = 1, .arg32 = VITAL_QUEUE, .seq = 1, .len = 256};
	char name[32];

	(void)state;
	for (e.arg64 = 0; e.arg64 < 5; e.arg64++)
		assert_int_equal(vm_vitals_take(v, &e), 0);
	assert_int_equal(v->queues, 1);
	assert_int_equal(v->queue[0].now, 4);
	assert_int_equal(v->queue[0].waiting.max, 4);
	assert_int_equal(quantile_at(&v->queue[0].waiting, 0.5), 2);
	queue_name(&v->queue[0], name, sizeof(name));
	assert_string_equal(name, "net 0 out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rates, open_vitals, close_vitals),
		cmocka_unit_test_setup_teardown(test_too_little, open_vitals, close_vitals),
		cmocka_unit_test_setup_teardown(test_nonsense, open_vitals, close_vitals),
		cmocka_unit_test_setup_teardown(test_queues, open_vitals, close_vitals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
