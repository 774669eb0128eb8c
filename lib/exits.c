/* What exits are called: see exits.h. */
#include "lib/exits.h"

#include <asm/svm.h>
#include <asm/vmx.h>
#include <stddef.h>

/* The header's list of names counts on the kernel's own for exceptions (Intel SDM volume 3,
 * table 6-1). */
enum {
	DE_VECTOR = 0,
	DB_VECTOR = 1,
	BP_VECTOR = 3,
	OF_VECTOR = 4,
	BR_VECTOR = 5,
	UD_VECTOR = 6,
	NM_VECTOR = 7,
	DF_VECTOR = 8,
	TS_VECTOR = 10,
	NP_VECTOR = 11,
	SS_VECTOR = 12,
	GP_VECTOR = 13,
	PF_VECTOR = 14,
	MF_VECTOR = 16,
	AC_VECTOR = 17,
	MC_VECTOR = 18,
	XM_VECTOR = 19,
};

struct row {
	unsigned int code;
	const char *name;
};

static const struct row vmx_names[] = {VMX_EXIT_REASONS};
static const struct row svm_names[] = {SVM_EXIT_REASONS};

/* Codes that mean the same here and there; all others are EXIT_KIND_OTHER. */
static const struct {
	unsigned int isa, first, last;
	enum exit_kind kind;
} kinds[] = {
	{EXIT_ISA_VMX, EXIT_REASON_EXTERNAL_INTERRUPT, EXIT_REASON_EXTERNAL_INTERRUPT,
	 EXIT_KIND_INTERRUPT},
	{EXIT_ISA_VMX, EXIT_REASON_EXCEPTION_NMI, EXIT_REASON_EXCEPTION_NMI,
	 EXIT_KIND_INTERRUPT},
	{EXIT_ISA_VMX, EXIT_REASON_INTERRUPT_WINDOW, EXIT_REASON_NMI_WINDOW, EXIT_KIND_WINDOW},
	{EXIT_ISA_VMX, EXIT_REASON_CPUID, EXIT_REASON_CPUID, EXIT_KIND_CPUID},
	{EXIT_ISA_VMX, EXIT_REASON_HLT, EXIT_REASON_HLT, EXIT_KIND_HALT},
	{EXIT_ISA_VMX, EXIT_REASON_VMCALL, EXIT_REASON_VMCALL, EXIT_KIND_HYPERCALL},
	{EXIT_ISA_VMX, EXIT_REASON_CR_ACCESS, EXIT_REASON_DR_ACCESS, EXIT_KIND_REGISTER},
	{EXIT_ISA_VMX, EXIT_REASON_IO_INSTRUCTION, EXIT_REASON_IO_INSTRUCTION, EXIT_KIND_PIO},
	{EXIT_ISA_VMX, EXIT_REASON_MSR_READ, EXIT_REASON_MSR_WRITE, EXIT_KIND_MSR},
	{EXIT_ISA_VMX, EXIT_REASON_PAUSE_INSTRUCTION, EXIT_REASON_PAUSE_INSTRUCTION,
	 EXIT_KIND_PAUSE},
	{EXIT_ISA_VMX, EXIT_REASON_TPR_BELOW_THRESHOLD, EXIT_REASON_EOI_INDUCED,
	 EXIT_KIND_APIC},
	{EXIT_ISA_VMX, EXIT_REASON_EPT_VIOLATION, EXIT_REASON_EPT_VIOLATION,
	 EXIT_KIND_PAGE_FAULT},
	/* KVM maps devices' registers so that an access is this one */
	{EXIT_ISA_VMX, EXIT_REASON_EPT_MISCONFIG, EXIT_REASON_EPT_MISCONFIG, EXIT_KIND_MMIO},
	{EXIT_ISA_VMX, EXIT_REASON_PREEMPTION_TIMER, EXIT_REASON_PREEMPTION_TIMER,
	 EXIT_KIND_TIMER},
	{EXIT_ISA_VMX, EXIT_REASON_APIC_WRITE, EXIT_REASON_APIC_WRITE, EXIT_KIND_APIC},

	{EXIT_ISA_SVM, SVM_EXIT_READ_CR0, SVM_EXIT_WRITE_DR7, EXIT_KIND_REGISTER},
	{EXIT_ISA_SVM, SVM_EXIT_INTR, SVM_EXIT_SMI, EXIT_KIND_INTERRUPT},
	{EXIT_ISA_SVM, SVM_EXIT_VINTR, SVM_EXIT_VINTR, EXIT_KIND_WINDOW},
	{EXIT_ISA_SVM, SVM_EXIT_CR0_SEL_WRITE, SVM_EXIT_CR0_SEL_WRITE, EXIT_KIND_REGISTER},
	{EXIT_ISA_SVM, SVM_EXIT_CPUID, SVM_EXIT_CPUID, EXIT_KIND_CPUID},
	{EXIT_ISA_SVM, SVM_EXIT_IRET, SVM_EXIT_IRET, EXIT_KIND_WINDOW},
	{EXIT_ISA_SVM, SVM_EXIT_PAUSE, SVM_EXIT_PAUSE, EXIT_KIND_PAUSE},
	{EXIT_ISA_SVM, SVM_EXIT_HLT, SVM_EXIT_HLT, EXIT_KIND_HALT},
	{EXIT_ISA_SVM, SVM_EXIT_IOIO, SVM_EXIT_IOIO, EXIT_KIND_PIO},
	{EXIT_ISA_SVM, SVM_EXIT_MSR, SVM_EXIT_MSR, EXIT_KIND_MSR},
	{EXIT_ISA_SVM, SVM_EXIT_VMMCALL, SVM_EXIT_VMMCALL, EXIT_KIND_HYPERCALL},
	{EXIT_ISA_SVM, SVM_EXIT_NPF, SVM_EXIT_NPF, EXIT_KIND_PAGE_FAULT},
	{EXIT_ISA_SVM, SVM_EXIT_AVIC_INCOMPLETE_IPI, SVM_EXIT_AVIC_UNACCELERATED_ACCESS,
	 EXIT_KIND_APIC},
};

static unsigned int isa_of(unsigned int word)
{
	return (word & EXIT_ISA) >> EXIT_ISA_SHIFT;
}

enum exit_kind exit_kind(unsigned int word)
{
	unsigned int isa = isa_of(word), code = word & EXIT_CODE;

	if (word & EXIT_MMIO)
		return EXIT_KIND_MMIO;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].isa == isa && code >= kinds[i].first && code <= kinds[i].last)
			return kinds[i].kind;
	return EXIT_KIND_OTHER;
}

const char *exit_kind_name(enum exit_kind kind)
{
	static const char *const names[EXIT_KINDS] = {
		[EXIT_KIND_OTHER] = "other",
		[EXIT_KIND_MMIO] = "mmio",
		[EXIT_KIND_PIO] = "port I/O",
		[EXIT_KIND_HALT] = "halt",
		[EXIT_KIND_INTERRUPT] = "host interrupt",
		[EXIT_KIND_WINDOW] = "interrupt window",
		[EXIT_KIND_PAGE_FAULT] = "page fault",
		[EXIT_KIND_MSR] = "msr",
		[EXIT_KIND_APIC] = "apic",
		[EXIT_KIND_TIMER] = "timer",
		[EXIT_KIND_CPUID] = "cpuid",
		[EXIT_KIND_HYPERCALL] = "hypercall",
		[EXIT_KIND_PAUSE] = "pause",
		[EXIT_KIND_REGISTER] = "register",
	};

	return names[kind];
}

static const char *name_in(const struct row *rows, size_t count, unsigned int code)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].code == code)
			return rows[i].name;
	return NULL;
}

const char *exit_name(unsigned int word)
{
	unsigned int code = word & EXIT_CODE;

	if (isa_of(word) == EXIT_ISA_VMX)
		return name_in(vmx_names, sizeof(vmx_names) / sizeof(vmx_names[0]), code);
	if (isa_of(word) == EXIT_ISA_SVM)
		return name_in(svm_names, sizeof(svm_names) / sizeof(svm_names[0]), code);
	return NULL;
}
