/* Names of exits: the same in two architectures, and those that the processor's makers gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/exits.h"

#define VMX(code) (EXIT_ISA_VMX << EXIT_ISA_SHIFT | (code))
#define SVM(code) (EXIT_ISA_SVM << EXIT_ISA_SHIFT | (code))

static void test_kinds(void **state)
{
	static const struct {
		unsigned int word;
		const char *kind, *name;
	} cases[] = {
		{VMX(1), "host interrupt", "EXTERNAL_INTERRUPT"},
		{VMX(7), "interrupt window", "INTERRUPT_WINDOW"},
		{VMX(12), "halt", "HLT"},
		{VMX(30), "port I/O", "IO_INSTRUCTION"},
		{VMX(31), "msr", "MSR_READ"},
		{VMX(32), "msr", "MSR_WRITE"},
		{VMX(48), "page fault", "EPT_VIOLATION"},
		{VMX(48) | EXIT_MMIO, "mmio", "EPT_VIOLATION"},
		{VMX(49), "mmio", "EPT_MISCONFIG"},
		{VMX(52), "timer", "PREEMPTION_TIMER"},
		{VMX(56), "apic", "APIC_WRITE"},
		{SVM(0x060), "host interrupt", "interrupt"},
		{SVM(0x064), "interrupt window", "vintr"},
		{SVM(0x078), "halt", "hlt"},
		{SVM(0x07b), "port I/O", "io"},
		{SVM(0x07c), "msr", "msr"},
		{SVM(0x400), "page fault", "npf"},
		{SVM(0x400) | EXIT_MMIO, "mmio", "npf"},
		{SVM(0x402), "apic", "avic_unaccelerated_access"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(exit_kind_name(exit_kind(cases[i].word)), cases[i].kind);
		assert_string_equal(exit_name(cases[i].word), cases[i].name);
	}
}

/* What nobody has a name for is counted all the same. */
static void test_unknown(void **state)
{
	(void)state;
	assert_int_equal(exit_kind(0), EXIT_KIND_OTHER);
	assert_null(exit_name(0));
	assert_int_equal(exit_kind(VMX(0xfff0)), EXIT_KIND_OTHER);
	assert_null(exit_name(VMX(0xfff0)));
	assert_int_equal(exit_kind(SVM(0xffff)), EXIT_KIND_OTHER);
	for (int kind = 0; kind < EXIT_KINDS; kind++)
		assert_non_null(exit_kind_name((enum exit_kind)kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
