/*
 * Known delays: netem on one of the laboratory's devices, or a real-time task that takes
 * the vCPU's processor away in a fixed rhythm. See delay.h.
 */
#include "scenarios/demo/delay.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/proc.h"

#define MS_MAX   1000
#define VCPU_CPU 1 /* where vCPUs go; everybody else stays on CPU 0 */

struct place {
	const char *name;
	int (*apply)(struct lab *lab, const struct place *p, int ms);
	enum { AT_CLIENT, AT_PORT, AT_UPLINK, AT_VCPU } where;
};

/* The device to delay frames on; "" if this laboratory has none there. */
static const char *place_device(const struct lab *lab, const struct place *p)
{
	switch (p->where) {
	case AT_CLIENT:
		return lab->site->client;
	case AT_PORT:
		return lab->port;
	case AT_UPLINK:
		return lab->place == PLACE_PASSTHROUGH ? "" : lab->site->uplink;
	default:
		return "";
	}
}

static int netem(struct lab *lab, const struct place *p, int ms)
{
	const char *device = place_device(lab, p);
	char delay[16];
	const char *argv[] = {"tc",   "qdisc", "add",   "dev", device,
			      "root", "netem", "delay", delay, NULL};
	struct proc_options opt = PROC_DEFAULTS;

	if (!*device)
		return err_set("delay %s: there is no such device in mode %s", p->name,
			       place_name(lab->place));
	snprintf(delay, sizeof(delay), "%dms", ms);
	opt.netns_fd = p->where == AT_CLIENT ? lab->site->client_ns : lab->site->host_ns;
	return proc_run(argv, &opt, 10000, NULL)
		       ? err_add("delay on %s (kernel module sch_netem)", device)
		       : 0;
}

static void *hog(void *arg)
{
	int ms = (int)(intptr_t)arg;
	struct timespec t,
		pause = {.tv_sec = 3 * ms / 1000, .tv_nsec = 3L * ms % 1000 * 1000000};

	for (;;) {
		int64_t end;

		clock_gettime(CLOCK_MONOTONIC, &t);
		end = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + ms * 1000000LL;
		do
			clock_gettime(CLOCK_MONOTONIC, &t);
		while ((int64_t)t.tv_sec * 1000000000 + t.tv_nsec < end);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int pin(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set)
		       ? err_errno("pin thread %d to CPU %d", tid, cpu)
		       : 0;
}

static int pin_vcpus(const struct lab *lab)
{
	struct topology t;
	int result;

	result = lab_topology(lab, &t);
	for (unsigned int i = 0; !result && i < t.vms[0].probes.vcpus; i++)
		result = pin((pid_t)t.vms[0].probes.vcpu_tids[i], VCPU_CPU);
	topology_free(&t);
	return result;
}

static int start_hog(int ms)
{
	struct sched_param fifo = {.sched_priority = 1};
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	int error;

	CPU_ZERO(&set);
	CPU_SET(VCPU_CPU, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &fifo);
	error = pthread_create(&thread, &attr, hog, (void *)(intptr_t)ms);
	pthread_attr_destroy(&attr);
	errno = error;
	return error ? err_errno("start a real-time task beside the vCPU") : 0;
}

static int take_vcpu(struct lab *lab, const struct place *p, int ms)
{
	(void)p;
	if (!place_is_vm(lab->place))
		return err_set("delay vcpu: there is no vCPU in this mode");
	if (sysconf(_SC_NPROCESSORS_ONLN) <= VCPU_CPU)
		return err_set("delay vcpu: needs two CPUs");
	/* the VMM's other threads, and by inheritance the client, keep off the vCPU's processor
	 */
	if (pin(lab->server, 0) || pin(0, 0) || pin_vcpus(lab))
		return -1;
	return start_hog(ms);
}

static const struct place places[] = {
	{"client", netem, AT_CLIENT},
	{"port", netem, AT_PORT},
	{"uplink", netem, AT_UPLINK},
	{"vcpu", take_vcpu, AT_VCPU},
};

static const struct place *parse(const char *text, int *ms)
{
	const char *equals = strchr(text, '=');
	char *end;
	long n;

	if (!equals)
		return NULL;
	n = strtol(equals + 1, &end, 10);
	if (end == equals + 1 || *end || n < 1 || n > MS_MAX)
		return NULL;
	*ms = (int)n;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!strncmp(places[i].name, text, (size_t)(equals - text)) &&
		    !places[i].name[equals - text])
			return &places[i];
	return NULL;
}

int delay_check(const char *text)
{
	int ms;

	return parse(text, &ms)
		       ? 0
		       : err_set("delay %s: expected client=MS, port=MS, uplink=MS or vcpu=MS, "
				 "MS from 1 to %d",
				 text, MS_MAX);
}

int delay_apply(struct lab *lab, const char *text)
{
	int ms = 0;
	const struct place *p = parse(text, &ms);

	return p ? p->apply(lab, p, ms) : delay_check(text);
}
