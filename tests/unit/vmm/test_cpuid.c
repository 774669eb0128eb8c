/* CPUID's topology leaves: one package, as many cores as vCPUs, on Intel's and AMD's way of
 * saying so. */
#include "tests/unit/vmm/cmocka.h"

#include <cpuid.h>
#include <linux/kvm.h>
#include <stdlib.h>

#include "vmm/vcpu.h"

static struct kvm_cpuid2 *cpuid;

static int set_up(void **state)
{
	static const struct kvm_cpuid_entry2 host[] = {
		{.function = 1, .ebx = 0x05080800},
		{.function = 4, .index = 0, .eax = 0x1c004121},
		{.function = 4, .index = 3, .eax = 0x1c03c163},
		{.function = 0xb, .index = 0, .eax = 1, .ebx = 2, .edx = 5},
		{.function = 0x80000001},
		{.function = 0x80000002},
		{.function = 0x80000004},
		{.function = 0x80000008, .ecx = 0x700f},
		{.function = 0x8000001e, .eax = 9, .ebx = 0x0104, .ecx = 0x0302},
	};

	(void)state;
	cpuid = calloc(1, sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
	cpuid->nent = sizeof(host) / sizeof(host[0]);
	for (unsigned int i = 0; i < cpuid->nent; i++)
		cpuid->entries[i] = host[i];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(cpuid);
	return 0;
}

static const struct kvm_cpuid_entry2 *leaf(uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index == index)
			return &cpuid->entries[i];
	fail_msg("leaf 0x%x.%u is missing", function, index);
	return NULL;
}

static void three_cores(void **state)
{
	(void)state;
	cpuid_topology(cpuid, 2, 3);
	assert_int_equal(leaf(1, 0)->ebx, 0x02030800);
	assert_true(leaf(1, 0)->edx & 1 << 28);
	assert_true(leaf(1, 0)->ecx & 1U << 31);
	assert_int_equal(leaf(4, 0)->eax >> 26, 2);
	assert_int_equal(leaf(4, 0)->eax >> 14 & 0xfff, 0);
	assert_int_equal(leaf(4, 3)->eax >> 14 & 0xfff, 2);
	assert_int_equal(leaf(0xb, 0)->ebx, 1);
	assert_int_equal(leaf(0xb, 0)->ecx, 1 << 8);
	assert_int_equal(leaf(0xb, 1)->eax, 2); /* bits of the APIC id below the package */
	assert_int_equal(leaf(0xb, 1)->ebx, 3);
	assert_int_equal(leaf(0xb, 1)->ecx, 2 << 8 | 1);
	assert_int_equal(leaf(0xb, 1)->edx, 2);
	assert_int_equal(leaf(0x80000008, 0)->ecx, 0x2002);
	assert_int_equal(leaf(0x8000001e, 0)->eax, 2);
	assert_int_equal(leaf(0x8000001e, 0)->ebx, 2);
	assert_int_equal(leaf(0x8000001e, 0)->ecx, 0);
}

static void the_hosts_name(void **state)
{
	static const uint32_t functions[] = {0x80000002, 0x80000004};

	(void)state;
	cpuid_topology(cpuid, 0, 1);
	for (size_t i = 0; i < 2; i++) {
		const struct kvm_cpuid_entry2 *e = leaf(functions[i], 0);
		uint32_t a, b, c, d;

		__cpuid(functions[i], a, b, c, d);
		assert_true(e->eax == a && e->ebx == b && e->ecx == c && e->edx == d);
	}
	assert_int_not_equal(leaf(0x80000002, 0)->eax, 0);
}

static void one_core(void **state)
{
	(void)state;
	cpuid_topology(cpuid, 0, 1);
	assert_int_equal(leaf(1, 0)->ebx, 0x00010800);
	assert_false(leaf(1, 0)->edx & 1 << 28);
	assert_int_equal(leaf(0xb, 1)->eax, 0);
	assert_int_equal(leaf(0x80000001, 0)->ecx & 2, 0);
	assert_int_equal(leaf(0x80000008, 0)->ecx, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(three_cores, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_core, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_hosts_name, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
