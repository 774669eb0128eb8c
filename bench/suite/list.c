/* All benchmarks, in the order in which they are told. */
#include <stddef.h>

#include "bench/suite/bench.h"

#define BENCHES(X)                \
	X(exit_hypercall)         \
	X(exit_cpuid)             \
	X(exit_pio_kernel)        \
	X(exit_pio_user)          \
	X(exit_mmio_user)         \
	X(exit_msr)               \
	X(kick_ioeventfd)         \
	X(irq_irqfd)              \
	X(irq_userspace)          \
	X(ipi)                    \
	X(ipi_halted)             \
	X(timer_tscdeadline)      \
	X(halt_wake)              \
	X(fault_ept_4k)           \
	X(fault_ept_2m)           \
	X(tlb_chase_4k_4k)        \
	X(tlb_chase_4k_2m)        \
	X(tlb_chase_2m_4k)        \
	X(tlb_chase_2m_2m)        \
	X(vm_create)              \
	X(vcpu_create)            \
	X(boot_first_instruction) \
	X(net_rtt)                \
	X(net_tcp_stream_tx)      \
	X(net_tcp_stream_rx)      \
	X(net_udp_pps)            \
	X(net_crr)                \
	X(nginx_rps)              \
	X(nginx_latency_100)      \
	X(nginx_latency_1000)     \
	X(nginx_knee)             \
	X(block_randread_4k_1)    \
	X(block_randread_4k_32)   \
	X(block_randwrite_4k_1)   \
	X(block_randwrite_4k_32)  \
	X(block_read_128k)        \
	X(block_write_128k)       \
	X(block_fsync)            \
	X(boot_first_entry)       \
	X(boot_init)              \
	X(boot_nginx)             \
	X(syscall)                \
	X(context_switch)         \
	X(fork)                   \
	X(fork_exec)              \
	X(pipe)                   \
	X(mem_bandwidth)          \
	X(mem_latency)            \
	X(cpu_int)                \
	X(cpu_float)              \
	X(vm_memory)              \
	X(density)

#define DECLARE(name) extern const struct bench bench_##name;
#define LIST(name)    &bench_##name,

BENCHES(DECLARE)

const struct bench *const benches[] = {BENCHES(LIST) NULL};
_Static_assert(sizeof(benches) / sizeof(*benches) <= BENCHES_MAX, "BENCHES_MAX");
