/*
 * The freestanding guest: no operating system, one page of commands. What it does is what
 * kvm-unit-tests' vmexit does (x86/vmexit.c: a loop of one operation between two reads of the
 * time stamp counter); docs/bench.md says where it differs.
 */
#include "bench/micro/guest/shared.h"

#include <stddef.h>

#define MSR_TSC_ADJUST   0x3b /* Intel SDM 4, table 2-2 */
#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC_EOI   0x80b
#define MSR_X2APIC_SVR   0x80f
#define MSR_X2APIC_ICR   0x830
#define MSR_X2APIC_TIMER 0x832
#define APIC_BASE_X2     (3u << 10) /* enabled, in x2APIC mode */
#define SVR_ENABLED      (1u << 8)
#define TIMER_DEADLINE   (2u << 17)

#define CODE_SELECTOR 8

static struct micro_shared *const shared = (struct micro_shared *)(uintptr_t)GUEST_SHARED;

void guest_main(uint32_t cpu);
void interrupt(void);
extern const char on_interrupt[], on_spurious[], on_exceptions[];

/* ---- instructions ---- */

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "d"(port) : "memory");
}

static inline void pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

static inline void interrupts_off(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void interrupts_on(void)
{
	__asm__ volatile("sti" ::: "memory");
}

/* An interrupt between the two is taken after the halt (Intel SDM 2, STI). */
static inline void halt(void)
{
	__asm__ volatile("sti\n\thlt" ::: "memory");
}

/* ---- loops ---- */

/* The loop is the same for all; what is in it is the difference from the empty one. */
#define LOOP(name, ...)                                           \
	static void name(uint64_t n)                              \
	{                                                         \
		for (; n; n--) {                                  \
			__asm__ volatile("" : "+r"(n)::"memory"); \
			__VA_ARGS__;                              \
		}                                                 \
	}

static inline void cpuid(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

/* A number that KVM does not know: it says so, and that is all. */
static inline void hypercall(void)
{
	uint64_t a = 0xffff;

	if (shared->intel)
		__asm__ volatile("vmcall" : "+a"(a)::"memory");
	else
		__asm__ volatile("vmmcall" : "+a"(a)::"memory");
}

static inline void in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
}

static inline void write32(uint64_t address, uint32_t v)
{
	__asm__ volatile("movl %0, (%1)" ::"r"(v), "r"(address) : "memory");
}

LOOP(empty, (void)0)
LOOP(loop_hypercall, hypercall())
LOOP(loop_cpuid, cpuid())
LOOP(pio_kernel, in8(PORT_KERNEL))
LOOP(pio_user, out32(PORT_NOTHING, 0))
LOOP(mmio_user, write32(GUEST_HOLE, 0))
LOOP(msr, rdmsr(MSR_TSC_ADJUST))
LOOP(kick, out32(PORT_KICK, 0))

static void touch(uint64_t n)
{
	uint64_t at = shared->start, stride = shared->stride;

	for (; n; n--, at += stride)
		write32(at, 1);
}

static void chase(uint64_t n)
{
	uint64_t at = shared->start;

	for (; n; n--)
		__asm__ volatile("movq (%0), %0" : "+r"(at)::"memory");
}

static void (*const loops[OP_LOOPS])(uint64_t) = {
	[OP_EMPTY] = empty,       [OP_HYPERCALL] = loop_hypercall,
	[OP_CPUID] = loop_cpuid,  [OP_PIO_KERNEL] = pio_kernel,
	[OP_PIO_USER] = pio_user, [OP_MMIO_USER] = mmio_user,
	[OP_MSR] = msr,           [OP_KICK] = kick,
	[OP_TOUCH] = touch,       [OP_CHASE] = chase,
};

static void run_loop(uint32_t op)
{
	for (uint32_t i = 0; i < shared->batches; i++) {
		uint64_t start = rdtsc();

		loops[op](shared->iterations);
		shared->ticks[i] = rdtsc() - start;
	}
}

/* ---- events ---- */

void interrupt(void)
{
	shared->handled_tsc = rdtsc();
	shared->halting = 0;
	shared->handled = shared->ready;
	wrmsr(MSR_X2APIC_EOI, 0);
}

static void wait_ticks(uint64_t ticks)
{
	uint64_t end = rdtsc() + ticks;

	while (rdtsc() < end)
		pause();
}

/* The host sends: it answers "ready" with an interrupt. */
static void host_event(uint64_t number, int halts)
{
	shared->ready = number;
	while (shared->handled != number) {
		if (!halts) {
			pause();
			continue;
		}
		interrupts_off();
		if (shared->handled != number)
			halt();
		else
			interrupts_on();
	}
}

/* To the second processor; there and back, as vmexit's "ipi". */
static void ipi(uint64_t number, int halts)
{
	while (!shared->present)
		pause();
	if (halts) {
		while (!shared->halting)
			pause();
		wait_ticks(shared->wait_ticks);
	}
	shared->ready = number;
	shared->sent = rdtsc();
	wrmsr(MSR_X2APIC_ICR, 1ull << 32 | VECTOR_IPI);
	while (shared->handled != number)
		pause();
	shared->handled_tsc = rdtsc();
}

static void timer(uint64_t number)
{
	uint64_t deadline = rdtsc() + shared->wait_ticks;

	shared->ready = number;
	shared->sent = deadline;
	wrmsr(MSR_TSC_DEADLINE, deadline);
	while (shared->handled != number)
		pause();
}

static void run_events(uint32_t op)
{
	wrmsr(MSR_X2APIC_TIMER, op == OP_TIMER ? TIMER_DEADLINE | VECTOR_TIMER : 1u << 16);
	interrupts_on();
	for (uint32_t i = 0; i < shared->batches; i++) {
		uint64_t number = shared->ready + 1;

		if (op == OP_TIMER)
			timer(number);
		else if (op == OP_IPI || op == OP_IPI_HALTED)
			ipi(number, op == OP_IPI_HALTED);
		else
			host_event(number, op == OP_HALT_WAKE);
		shared->ticks[i] = shared->handled_tsc - shared->sent;
	}
	interrupts_off();
}

static void run_target(void)
{
	interrupts_on();
	shared->present = 1;
	while (!shared->stop) {
		if (!shared->halts) {
			pause();
			continue;
		}
		interrupts_off();
		shared->halting = 1;
		if (!shared->stop)
			halt();
	}
	interrupts_off();
}

/* ---- start ---- */

static struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, zero;
} __attribute__((packed)) idt[256];

static void set_gate(unsigned int vector, const char *handler)
{
	uint64_t at = (uintptr_t)handler;

	idt[vector] = (struct gate){.low = (uint16_t)at,
				    .selector = CODE_SELECTOR,
				    .flags = 0x8e00, /* interrupt gate, present */
				    .middle = (uint16_t)(at >> 16),
				    .high = (uint32_t)(at >> 32)};
}

/* Both processors write the same. */
static void set_up(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned int i = 0; i < 32; i++)
		set_gate(i, on_exceptions + (size_t)16 * i);
	set_gate(VECTOR_IRQ, on_interrupt);
	set_gate(VECTOR_IPI, on_interrupt);
	set_gate(VECTOR_TIMER, on_interrupt);
	set_gate(VECTOR_SPURIOUS, on_spurious);
	__asm__ volatile("lidt %0" ::"m"(table));
	if (shared->apic) {
		wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
		wrmsr(MSR_X2APIC_SVR, SVR_ENABLED | VECTOR_SPURIOUS);
	}
}

void guest_main(uint32_t cpu)
{
	set_up();
	for (;;) {
		uint32_t op;

		out32(PORT_READY, cpu);
		op = shared->op[cpu & 1];
		if (op < OP_LOOPS)
			run_loop(op);
		else if (op < OP_TARGET)
			run_events(op);
		else
			run_target();
	}
}
