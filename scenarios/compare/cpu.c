/* CPU time: see cpu.h. */
#include "scenarios/compare/cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t read_schedstat(pid_t pid, const char *tid)
{
	char path[64];
	uint64_t ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", pid, tid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%" SCNu64, &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns;
}

static uint64_t of_process(pid_t pid)
{
	char path[64];
	struct dirent *e;
	uint64_t sum = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			sum += read_schedstat(pid, e->d_name);
	if (d)
		closedir(d);
	return sum;
}

/* Name and parent of a process; false if it is gone. */
static bool read_stat(pid_t pid, char name[32], pid_t *parent)
{
	char path[64], text[512], *open, *close;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close || sscanf(close + 1, " %*c %d", parent) != 1)
		return false;
	snprintf(name, 32, "%.*s", (int)(close - open - 1), open + 1);
	return true;
}

/* A worker process of nginx; a kernel thread that serves this VMM as vhost-PID. */
static bool belongs_to(pid_t pid, pid_t server)
{
	char name[32], worker[32];
	pid_t parent;

	if (!read_stat(pid, name, &parent))
		return false;
	snprintf(worker, sizeof(worker), "vhost-%d", server);
	return parent == server || !strcmp(name, worker);
}

static uint64_t of_server(pid_t server)
{
	uint64_t sum = of_process(server);
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && pid != server && belongs_to(pid, server))
			sum += of_process(pid);
	}
	if (d)
		closedir(d);
	return sum;
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
