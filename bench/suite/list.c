/* All benchmarks and subjects, in the order in which they are told. */
#include "bench/suite/subject.h"

#define BENCHES(X)           \
	X(exit_hypercall)    \
	X(exit_cpuid)        \
	X(exit_pio_kernel)   \
	X(exit_pio_user)     \
	X(exit_mmio_user)    \
	X(exit_msr)          \
	X(kick_ioeventfd)    \
	X(irq_irqfd)         \
	X(irq_userspace)     \
	X(ipi)               \
	X(ipi_halted)        \
	X(timer_tscdeadline) \
	X(halt_wake)         \
	X(fault_ept_4k)      \
	X(fault_ept_2m)      \
	X(tlb_chase_4k_4k)   \
	X(tlb_chase_4k_2m)   \
	X(tlb_chase_2m_4k)   \
	X(tlb_chase_2m_2m)   \
	X(vm_create)         \
	X(vcpu_create)       \
	X(boot_first_instruction)

#define DECLARE(name) extern const struct bench bench_##name;
#define LIST(name)    &bench_##name,

BENCHES(DECLARE)

const struct bench *const benches[] = {BENCHES(LIST) NULL};

const struct subject subjects[] = {
	{.kind = SUBJECT_KVM,
	 .name = "kvm",
	 .text = "this machine's KVM, with a guest of its own",
	 .share = 1},
};

const unsigned int subject_count = sizeof(subjects) / sizeof(subjects[0]);

void subjects_close(void)
{
}
