/* Processors that wake each other: see heartbeat.h. */
#include "scenarios/testbed/heartbeat.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

#define CPUS_MAX 64
#define BEAT_NS  250000000ull
#define LATE_NS  2000000000ull /* a busy machine may be late, but hardly that much */

struct heart {
	pthread_t thread;
	unsigned int cpu;
	uint32_t beats; /* a futex: the neighbour adds to it, and wakes */
	struct heart *neighbour;
};

static struct heart hearts[CPUS_MAX];

/* Until then, or until the neighbour's beat. Was it the neighbour's? */
static bool sleep_until(struct heart *h, uint64_t when_ns, uint32_t seen)
{
	const struct timespec t = {.tv_sec = (time_t)(when_ns / 1000000000u),
				   .tv_nsec = (long)(when_ns % 1000000000u)};

	return syscall(SYS_futex, &h->beats, FUTEX_WAIT_BITSET_PRIVATE, seen, &t, NULL,
		       FUTEX_BITSET_MATCH_ANY) == 0 ||
	       errno == EAGAIN;
}

static void wake(struct heart *h)
{
	__atomic_add_fetch(&h->beats, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &h->beats, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* To the console, which is shown when a machine fails. */
static void tell(const struct heart *h, uint64_t late_ns)
{
	FILE *kmsg = fopen("/dev/kmsg", "we");

	if (!kmsg)
		return;
	fprintf(kmsg,
		"testbed: the timer of processor %u was %llu ms late, until another woke it\n",
		h->cpu, (unsigned long long)(late_ns / 1000000));
	fclose(kmsg);
}

static void *beat(void *arg)
{
	struct heart *h = arg;
	uint64_t next = now_ns() + BEAT_NS;

	for (;;) {
		uint32_t seen = __atomic_load_n(&h->beats, __ATOMIC_SEQ_CST);
		bool woken = sleep_until(h, next, seen);
		uint64_t now = now_ns();

		if (now < next)
			continue;
		if (woken && now - next > LATE_NS)
			tell(h, now - next);
		wake(h->neighbour);
		next = now + BEAT_NS;
	}
	return NULL;
}

static int start_one(struct heart *h)
{
	pthread_attr_t attributes;
	cpu_set_t set;
	int error;

	CPU_ZERO(&set);
	CPU_SET(h->cpu, &set);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN + 16384);
	error = pthread_create(&h->thread, &attributes, beat, h);
	pthread_attr_destroy(&attributes);
	return error ? err_set("start a thread on processor %u: %s", h->cpu, strerror(error))
		     : 0;
}

int heartbeat_start(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = cpus > CPUS_MAX ? CPUS_MAX : (unsigned int)cpus;

	for (unsigned int i = 0; i < n; i++)
		hearts[i] = (struct heart){.cpu = i, .neighbour = &hearts[(i + 1) % n]};
	for (unsigned int i = 0; n > 1 && i < n; i++)
		if (start_one(&hearts[i]))
			return -1;
	return 0;
}
