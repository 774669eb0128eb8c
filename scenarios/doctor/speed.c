/*
 * How fast KVM runs guest kernel code: see speed.h.
 *
 * Two pieces of code: a loop that is run in the guest and natively (its instructions are of the
 * kinds that kernels are made of: load, store, push, pop, arithmetic, branch), and a walk
 * through privileged and rarer instructions that every kernel needs and an interpreter may
 * lack.
 */
#include "scenarios/doctor/speed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/doctor/guest.h"

#ifndef __x86_64__
#error "strata is for x86-64 alone: its VMM, its guest and its clock are built on it"
#endif

const char *speed_verdict_name(enum speed_verdict v)
{
	static const char *const names[] = {
		[SPEED_ABSENT] = "absent",
		[SPEED_INTERPRETS] = "interprets",
		[SPEED_FULL] = "runs guest code at speed",
	};

	return names[v];
}

#define LOOP_INSTRUCTIONS 8 /* per iteration */
#define FIRST_ITERATIONS  1000
#define MAX_ITERATIONS    64000000
#define ENOUGH_NS         5000000 /* to make the cost of entry and exit small */
#define TRIES             3
#define TIMEOUT_MS        2000 /* for all of it: takes 60 ms on an idle machine */
#define EXITS             101

/* The loop: rdi points to memory, rsi is the number of iterations. Callable from C. */
void doctor_loop(void *memory, uint64_t iterations);
extern const char doctor_loop_end[], doctor_walk[], doctor_walk_end[], doctor_exits[],
	doctor_exits_end[];

asm(".pushsection .text\n"
    "doctor_loop:\n"
    "1:	mov (%rdi), %rax\n"
    "	lea 1(%rax, %rsi), %rax\n"
    "	mov %rax, (%rdi)\n"
    "	push %rax\n"
    "	pop %rdx\n"
    "	test %rdx, %rdx\n"
    "	dec %rsi\n"
    "	jnz 1b\n"
    "	ret\n"
    "doctor_loop_end:\n"
    ".popsection\n");

/* The walk: before each step, its number is left in memory. */
#define STEP(n) "	movl $" #n ", 8(%rdi)\n"

asm(
	".pushsection .rodata\n"
	"doctor_walk:\n" STEP(0) "	xor %eax, %eax\n	cpuid\n	rdtsc\n" STEP(1) "	lock cmpxchg %rax, 16(%rdi)\n	lock xadd %rax, 16(%rdi)\n" STEP(2) "	xor %eax, %eax\n	xor %edx, %edx\n	lock cmpxchg16b 32(%rdi)\n" STEP(3) "	push %rdi\n	lea 64(%rdi), %rdi\n	mov $64, %ecx\n	rep stosb\n	pop %rdi\n" STEP(4) "	bsf %rsi, %rax\n	bts $3, %rax\n	shld $4, %rax, %rdx\n	bswap %rax\n" STEP(5) "	movdqu 16(%rdi), %xmm0\n	paddq %xmm0, %xmm0\n	movdqu %xmm0, 16(%rdi)\n" STEP(6) "	fxsave64 0x200(%rdi)\n	fxrstor64 0x200(%rdi)\n" STEP(7) "	mov $0xc0000080, %ecx\n	rdmsr\n	wrmsr\n" STEP(
		8) "	mov $0xc0000101, %ecx\n	xor %eax, %eax\n	xor %edx, %edx\n	wrmsr\n"
		   "	swapgs\n	swapgs\n" STEP(9) "	mov %cr4, %rax\n	mov %rax, %cr4\n	mov %cr3, %rax\n	mov %rax, %cr3\n" STEP(10) "	invlpg (%rdi)\n	wbinvd\n" STEP(11) "	sgdt 128(%rdi)\n	lgdt 128(%rdi)\n	sidt 144(%rdi)\n	lidt 144(%rdi)\n" STEP(12) "	pushfq\n	popfq\n	cli\n" STEP(
			   13) "	mov %dr7, %rax\n	mov %rax, %dr7\n	clts\n" STEP(14) "	fninit\n	fnstcw 160(%rdi)\n	ldmxcsr 168(%rdi)\n" STEP(15) "	ret\n"
																						"doctor_walk_end:\n"
																						".popsection\n");

#define STEPS_DONE 15

static const char *const steps[STEPS_DONE] = {
	"cpuid, rdtsc",      "lock cmpxchg, xadd",    "cmpxchg16b",
	"rep stosb",         "bsf, bts, shld, bswap", "SSE2 moves and sums",
	"fxsave, fxrstor",   "rdmsr, wrmsr",          "wrmsr of GS.base, swapgs",
	"control registers", "invlpg, wbinvd",        "descriptor tables",
	"pushf, popf, cli",  "debug registers, clts", "x87 and MXCSR",
};

asm(".pushsection .rodata\n"
    "doctor_exits:\n"
    "1:	out %al, $0x80\n"
    "	jmp 1b\n"
    "doctor_exits_end:\n"
    ".popsection\n");

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static int expect_exit(struct guest *g, uint32_t reason)
{
	if (guest_run(g) < 0)
		return -1;
	return g->run->exit_reason == reason
		       ? 0
		       : err_set("a tiny guest ended in %s", guest_exit_name(g));
}

/* The best of some: the first time, KVM still has to set up what the guest touches, and an
 * emulated processor to translate it; and another task's time is not the loop's. */
static int time_guest(struct guest *g, uint64_t iterations, uint64_t *best)
{
	*best = UINT64_MAX;
	for (int i = 0; i < TRIES; i++) {
		uint64_t start, ns;

		if (guest_call(g, iterations) < 0)
			return -1;
		start = now_ns();
		if (expect_exit(g, KVM_EXIT_HLT) < 0)
			return -1;
		ns = now_ns() - start;
		if (ns < *best)
			*best = ns;
	}
	return 0;
}

static uint64_t time_native(uint64_t iterations)
{
	uint64_t scratch[8] = {0}, best = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t start = now_ns(), ns;

		doctor_loop(scratch, iterations);
		ns = now_ns() - start;
		if (ns < best)
			best = ns;
	}
	return best ? best : 1;
}

/* From so few iterations that an interpreter is soon done, to as many as can be timed well. */
static int measure_loop(struct guest *g, struct speed *s)
{
	uint64_t iterations = FIRST_ITERATIONS, ns;

	if (guest_load(g, (const void *)doctor_loop,
		       doctor_loop_end - (const char *)doctor_loop) < 0)
		return -1;
	while (time_guest(g, iterations, &ns) == 0) {
		if (ns < ENOUGH_NS && iterations < MAX_ITERATIONS) {
			iterations *= 4;
			continue;
		}
		s->guest_ips = iterations * LOOP_INSTRUCTIONS * 1e9 / ns;
		s->native_ips = iterations * LOOP_INSTRUCTIONS * 1e9 / time_native(iterations);
		s->measured = true;
		return 0;
	}
	return -1;
}

/* What of the walk does not work; it ends the guest. */
static int walk(struct guest *g, struct speed *s)
{
	uint32_t step;

	if (guest_load(g, doctor_walk, doctor_walk_end - doctor_walk) < 0 ||
	    guest_call(g, 1) < 0)
		return -1;
	if (expect_exit(g, KVM_EXIT_HLT) == 0)
		return 0;
	memcpy(&step, g->memory + GUEST_SCRATCH + 8, sizeof(step));
	s->lacking = step < STEPS_DONE ? steps[step] : "a return";
	return -1;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int measure_exits(struct guest *g, struct speed *s)
{
	uint64_t ns[EXITS];

	if (guest_load(g, doctor_exits, doctor_exits_end - doctor_exits) < 0 ||
	    guest_call(g, 0) < 0)
		return -1;
	for (int i = 0; i < EXITS; i++) {
		uint64_t start = now_ns();

		if (expect_exit(g, KVM_EXIT_IO) < 0)
			return -1;
		ns[i] = now_ns() - start;
	}
	qsort(ns, EXITS, sizeof(ns[0]), compare);
	s->exit_ns = ns[EXITS / 2];
	return 0;
}

static void measure(struct speed *s, int kvm)
{
	struct guest g;

	s->verdict = SPEED_INTERPRETS;
	guest_limit(TIMEOUT_MS);
	if (guest_create(&g, kvm) < 0 || measure_loop(&g, s) < 0 || measure_exits(&g, s) < 0 ||
	    walk(&g, s) < 0)
		snprintf(s->why, sizeof(s->why), "%s", err_text());
	else if (s->guest_ips >= s->native_ips * SPEED_RATIO_MIN)
		s->verdict = SPEED_FULL;
	guest_limit(0);
	guest_destroy(&g);
}

const struct speed *kvm_speed(void)
{
	static struct speed speed;
	static bool done;
	int kvm;

	if (done)
		return &speed;
	done = true;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		snprintf(speed.why, sizeof(speed.why), "/dev/kvm: %s", strerror(errno));
		return &speed;
	}
	measure(&speed, kvm);
	close(kvm);
	return &speed;
}
