/* CPU time: see cpu.h. */
#include "scenarios/compare/cpu.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/threads.h"

struct server_time {
	pid_t server;
	uint64_t sum_ns;
};

/* The server itself, its children (a worker process of nginx), and a kernel thread that serves
 * this VMM as vhost-PID. */
static bool add_one(void *ctx, pid_t pid, const char *name)
{
	struct server_time *t = ctx;
	char worker[32];

	snprintf(worker, sizeof(worker), "vhost-%d", t->server);
	if (pid == t->server || threads_parent(pid) == t->server || !strcmp(name, worker))
		t->sum_ns += threads_ran_ns(pid);
	return true;
}

static uint64_t of_server(pid_t server)
{
	struct server_time t = {.server = server};

	threads_each("/proc", add_one, &t);
	return t.sum_ns;
}

/* All columns of the first line but idle and iowait; the guest's are in user's already. */
static uint64_t of_machine(void)
{
	uint64_t user = 0, nice = 0, system = 0, irq = 0, softirq = 0, steal = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (f) {
		if (fscanf(f,
			   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64
			   " %" SCNu64 " %" SCNu64,
			   &user, &nice, &system, &irq, &softirq, &steal) != 6)
			user = 0;
		fclose(f);
	}
	return (user + nice + system + irq + softirq + steal) * 1000000000ull /
	       (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t of_children(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ull +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ull;
}

void cpu_read(struct cpu_time *t, pid_t server)
{
	t->server_ns = of_server(server);
	t->machine_ns = of_machine();
	t->children_ns = of_children();
}

double cpu_server(const struct cpu_time *from, const struct cpu_time *to, int requests)
{
	return to->server_ns > from->server_ns
		       ? (double)(to->server_ns - from->server_ns) / requests
		       : NAN;
}

double cpu_host(const struct cpu_time *from, const struct cpu_time *to, int requests)
{
	double step = 1e9 / (double)sysconf(_SC_CLK_TCK);
	double machine = (double)(to->machine_ns - from->machine_ns);
	double rest = machine - (double)(to->server_ns - from->server_ns) -
		      (double)(to->children_ns - from->children_ns);

	return machine < CPU_STEPS_MIN * step ? NAN : (rest > 0 ? rest : 0) / requests;
}
