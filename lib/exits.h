/*
 * Why a vCPU left guest mode: what KVM's kvm_exit tracepoint tells, in one word, and what to
 * call it. BPF C includes this too and takes only the word's layout.
 *
 * Sources: Intel SDM volume 3, appendix C (VMX basic exit reasons); AMD APM volume 2, appendix
 * C (SVM intercept exit codes); the kernel's asm/vmx.h and asm/svm.h for the names.
 */
#ifndef STRATA_LIB_EXITS_H
#define STRATA_LIB_EXITS_H

/* Bits of the word; 0: not known. */
#define EXIT_CODE      0xffffu /* the processor's own exit code */
#define EXIT_ISA_SHIFT 16      /* KVM_ISA_VMX or KVM_ISA_SVM of the tracepoint */
#define EXIT_ISA       (3u << EXIT_ISA_SHIFT)
#define EXIT_MMIO      (1u << 31) /* it was an access to a device's registers */
#define EXIT_POLLED    (1u << 30) /* a halt that ended while KVM still polled for that */

#define EXIT_ISA_VMX 1u
#define EXIT_ISA_SVM 2u

#ifndef __bpf__
/* The same in both architectures. */
enum exit_kind {
	EXIT_KIND_OTHER,
	EXIT_KIND_MMIO,
	EXIT_KIND_PIO,
	EXIT_KIND_HALT,
	EXIT_KIND_INTERRUPT,
	EXIT_KIND_WINDOW,
	EXIT_KIND_PAGE_FAULT,
	EXIT_KIND_MSR,
	EXIT_KIND_APIC,
	EXIT_KIND_TIMER,
	EXIT_KIND_CPUID,
	EXIT_KIND_HYPERCALL,
	EXIT_KIND_PAUSE,
	EXIT_KIND_REGISTER,
	EXIT_KINDS
};

enum exit_kind exit_kind(unsigned int word);
const char *exit_kind_name(enum exit_kind kind); /* "mmio", "halt", ... */

/* What KVM calls it, of the architectures seen: "npf", "ept_misconfig", ...; NULL: no name. */
const char *exit_name(unsigned int word);
#endif

#endif
