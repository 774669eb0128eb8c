/* Running the freestanding guest: exits, interrupts, the second processor. See machine.h. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "bench/micro/machine.h"
#include "lib/err.h"
#include "lib/now.h"

/* ---- CPUs and time ---- */

static cpu_set_t ours;
static bool ours_known;

static void learn_cpus(void)
{
	if (!ours_known)
		ours_known = !sched_getaffinity(0, sizeof(ours), &ours);
}

void micro_pin(unsigned int number)
{
	cpu_set_t one;

	learn_cpus();
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &ours) || number--)
			continue;
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void micro_unpin(void)
{
	if (ours_known)
		sched_setaffinity(0, sizeof(ours), &ours);
}

int micro_needs_two_cpus(void)
{
	if (micro_needs_kvm())
		return -1;
	learn_cpus();
	return CPU_COUNT(&ours) < 2 ? err_set("it needs two CPUs, and we may use one") : 0;
}

void micro_busy_ns(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (ns && now_ns() < end)
		;
}

/* ---- the first processor ---- */

static void on_alarm(int signal)
{
	(void)signal;
}

/* It ends KVM_RUN: no SA_RESTART. */
static void limit(unsigned int seconds)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval timer = {.it_value.tv_sec = seconds, .it_interval.tv_sec = seconds};

	if (!seconds)
		timer.it_interval.tv_sec = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* An exit to us: 1 the guest is ready, 0 go on, -1 with a sentence. */
static int on_exit(struct micro *m, const struct kvm_run *r)
{
	uint32_t value;

	switch (r->exit_reason) {
	case KVM_EXIT_MMIO:
		micro_busy_ns(m->delay_ns);
		return 0;
	case KVM_EXIT_IO:
		if (r->io.port == PORT_READY)
			return 1;
		if (r->io.port != PORT_FAULT) {
			micro_busy_ns(m->delay_ns);
			return 0;
		}
		memcpy(&value, (const uint8_t *)r + r->io.data_offset, sizeof(value));
		return err_set("the processor refused an instruction: exception %u", value);
	case KVM_EXIT_INTERNAL_ERROR:
		return err_set("KVM cannot execute an instruction of the guest's");
	default:
		return err_set("the guest ended in exit %u", r->exit_reason);
	}
}

/* Interrupted by the time limit, or by the user: either ends it. */
static int run_until_ready(struct micro *m, unsigned int number)
{
	int result = 0;

	while (!result) {
		if (!ioctl(m->vcpu[number], KVM_RUN, 0))
			result = on_exit(m, m->run[number]);
		else if (errno == EINTR || errno == EAGAIN)
			result = err_set("the guest did not end within %u s, or was "
					 "interrupted",
					 m->limit_s);
		else
			result = err_errno("run the guest");
	}
	return result > 0 ? 0 : -1;
}

static int run_limited(struct micro *m)
{
	int result;

	limit(m->limit_s);
	result = run_until_ready(m, 0);
	limit(0);
	return result;
}

int micro_first_exit(struct micro *m)
{
	return run_limited(m);
}

int micro_command(struct micro *m, enum micro_op op, uint32_t batches, uint64_t iterations)
{
	m->shared->op[0] = op;
	m->shared->batches = batches < TICKS_MAX ? batches : TICKS_MAX;
	m->shared->iterations = iterations;
	return run_limited(m);
}

/* ---- who sends interrupts ---- */

struct sender {
	struct micro *m;
	enum micro_send how;
	uint64_t wait_ns, last;
	atomic_bool stop;
	bool failed;
	pthread_t thread;
};

static uint64_t host_tsc(void)
{
	return __builtin_ia32_rdtsc();
}

static bool send_one(const struct sender *s)
{
	struct kvm_msi msi = {.address_lo = 0xfee00000u, .data = VECTOR_IRQ};
	const uint64_t one = 1;

	s->m->shared->sent = host_tsc() + s->m->tsc_offset;
	if (s->how == SEND_MSI)
		return ioctl(s->m->vm, KVM_SIGNAL_MSI, &msi) >= 0;
	return write(s->m->irqfd, &one, sizeof(one)) == sizeof(one);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;

	micro_pin(1);
	while (!atomic_load(&s->stop) && !s->failed) {
		if (s->m->shared->ready == s->last)
			continue;
		s->last = s->m->shared->ready;
		micro_busy_ns(s->wait_ns);
		s->failed = !send_one(s);
	}
	return NULL;
}

int micro_command_sent(struct micro *m, enum micro_op op, uint32_t events, enum micro_send how,
		       uint64_t wait_ns)
{
	struct sender s = {.m = m, .how = how, .wait_ns = wait_ns, .last = m->shared->ready};
	int result;

	if (pthread_create(&s.thread, NULL, send_all, &s))
		return err_set("no thread to send interrupts from");
	result = micro_command(m, op, events, 1);
	atomic_store(&s.stop, true);
	pthread_join(s.thread, NULL);
	return s.failed ? err_set("KVM did not take an interrupt") : result;
}

/* ---- the second processor ---- */

struct target {
	struct micro *m;
	atomic_bool ended;
	int result;
	char why[200];
	pthread_t thread;
};

/* Its first exit is that it is ready, as the first one's was. */
static void *run_second(void *arg)
{
	struct target *t = arg;

	micro_pin(1);
	for (int i = 0; i < 2 && !t->result; i++)
		t->result = run_until_ready(t->m, 1);
	if (t->result)
		strncpy(t->why, err_text(), sizeof(t->why) - 1);
	atomic_store(&t->ended, true);
	return NULL;
}

/* Halted, it is woken by a signal, once it looks at "stop" again or not at all. */
static void end_target(struct target *t)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct kvm_msi msi = {.address_lo = 0xfee00000u | 1u << 12, .data = VECTOR_IPI};

	t->m->shared->stop = 1;
	for (int i = 0; !atomic_load(&t->ended); i++) {
		ioctl(t->m->vm, KVM_SIGNAL_MSI, &msi);
		nanosleep(&pause, NULL);
		if (i > 2000)
			pthread_kill(t->thread, SIGALRM);
	}
	pthread_join(t->thread, NULL);
}

int micro_command_target(struct micro *m, enum micro_op op, uint32_t events)
{
	struct target t = {.m = m};
	int result;

	m->shared->op[1] = OP_TARGET;
	m->shared->stop = 0;
	m->shared->present = 0;
	m->shared->halts = op == OP_IPI_HALTED;
	if (pthread_create(&t.thread, NULL, run_second, &t))
		return err_set("no thread for the second processor");
	result = micro_command(m, op, events, 1);
	end_target(&t);
	return t.result && !result ? err_set("the second processor: %s", t.why) : result;
}
