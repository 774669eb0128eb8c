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
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"
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

/* In code.S. */
void doctor_loop(void *memory, uint64_t iterations);
extern const char doctor_walk[], doctor_exits[];
extern const uint64_t doctor_loop_bytes, doctor_walk_bytes, doctor_exits_bytes;

/* The steps of doctor_walk. */
static const char *const steps[] = {
	"cpuid, rdtsc",      "lock cmpxchg, xadd",    "cmpxchg16b",
	"rep stosb",         "bsf, bts, shld, bswap", "SSE2 moves and sums",
	"fxsave, fxrstor",   "rdmsr, wrmsr",          "wrmsr of GS.base, swapgs",
	"control registers", "invlpg, wbinvd",        "descriptor tables",
	"pushf, popf, cli",  "debug registers, clts", "x87 and MXCSR",
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

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

	if (guest_load(g, (const void *)doctor_loop, doctor_loop_bytes) < 0)
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

	if (guest_load(g, doctor_walk, doctor_walk_bytes) < 0 || guest_call(g, 1) < 0)
		return -1;
	if (expect_exit(g, KVM_EXIT_HLT) == 0)
		return 0;
	memcpy(&step, g->memory + GUEST_SCRATCH + 8, sizeof(step));
	s->lacking = step < STEPS ? steps[step] : "a return";
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

	if (guest_load(g, doctor_exits, doctor_exits_bytes) < 0 || guest_call(g, 0) < 0)
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
