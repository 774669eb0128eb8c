/* Processes, threads and stolen time: see threads.h. */
#include "lib/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 32
#define STAT_BYTES 1024

static void read_name(const char *path, char *name, size_t bytes)
{
	FILE *f = fopen(path, "re");

	name[0] = '\0';
	if (!f)
		return;
	if (!fgets(name, (int)bytes, f))
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

void threads_name(pid_t id, char *name, size_t bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", id);
	read_name(path, name, bytes);
}

void threads_each(const char *folder, bool (*each)(void *ctx, pid_t id, const char *name),
		  void *ctx)
{
	char path[340], name[NAME_BYTES];
	DIR *d = opendir(folder);
	struct dirent *e;
	bool more = true;

	while (more && d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.60s/%s/comm", folder, e->d_name);
		read_name(path, name, sizeof(name));
		more = each(ctx, (pid_t)atoi(e->d_name), name);
	}
	if (d)
		closedir(d);
}

static bool add_ksoftirqd(void *ctx, pid_t id, const char *name)
{
	static const char begins[] = "ksoftirqd/";

	if (!strncmp(name, begins, strlen(begins)))
		json_array_append_new(ctx, json_integer(id));
	return true;
}

json_t *threads_ksoftirqd(void)
{
	json_t *tids = json_array();

	threads_each("/proc", add_ksoftirqd, tids);
	return tids;
}

/* A line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks. */
#define BEFORE_STEAL "%*u %*u %*u %*u %*u %*u %*u "

uint64_t threads_steal_ms(void)
{
	FILE *f = fopen("/proc/stat", "re");
	uint64_t ticks = 0;
	long per_second = sysconf(_SC_CLK_TCK);

	if (!f)
		return 0;
	if (fscanf(f, "cpu " BEFORE_STEAL "%" SCNu64, &ticks) != 1)
		ticks = 0;
	fclose(f);
	return per_second > 0 ? ticks * 1000 / (uint64_t)per_second : 0;
}

bool threads_sched(pid_t pid, pid_t tid, uint64_t *ran_ns, uint64_t *waited_ns)
{
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fscanf(f, "%" SCNu64 " %" SCNu64, ran_ns, waited_ns);
	fclose(f);
	return n == 2;
}

struct ran {
	pid_t pid;
	uint64_t sum_ns;
};

static bool add_ran(void *ctx, pid_t tid, const char *name)
{
	struct ran *r = ctx;
	uint64_t ran, waited;

	(void)name;
	if (threads_sched(r->pid, tid, &ran, &waited))
		r->sum_ns += ran;
	return true;
}

uint64_t threads_ran_ns(pid_t pid)
{
	struct ran r = {.pid = pid};
	char folder[32];

	snprintf(folder, sizeof(folder), "/proc/%d/task", pid);
	threads_each(folder, add_ran, &r);
	return r.sum_ns;
}

/* /proc/PID/stat from behind the name, which may hold anything, on: the state comes first. NULL
 * if there is none. */
static const char *read_stat(pid_t id, char *text, size_t bytes)
{
	char path[64], *name_end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", id);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	n = fread(text, 1, bytes - 1, f);
	fclose(f);
	text[n] = '\0';
	name_end = strrchr(text, ')');
	return name_end ? name_end + 1 : NULL;
}

pid_t threads_parent(pid_t id)
{
	char text[STAT_BYTES];
	const char *stat = read_stat(id, text, sizeof(text));
	pid_t parent;

	return stat && sscanf(stat, " %*c %d", &parent) == 1 ? parent : 0;
}

uint64_t threads_start(pid_t id)
{
	char text[STAT_BYTES], state;
	const char *stat = read_stat(id, text, sizeof(text));
	unsigned long long start;

	if (!stat ||
	    sscanf(stat,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %*s %llu",
		   &state, &start) != 2 ||
	    state == 'Z')
		return 0;
	return start;
}

size_t threads_steal_each(uint64_t ns[], size_t max)
{
	FILE *f = fopen("/proc/stat", "re");
	long per_second = sysconf(_SC_CLK_TCK);
	char line[512];
	size_t count = 0;

	while (f && per_second > 0 && fgets(line, sizeof(line), f)) {
		unsigned int cpu;
		uint64_t ticks;

		if (sscanf(line, "cpu%u " BEFORE_STEAL "%" SCNu64, &cpu, &ticks) != 2 ||
		    cpu >= max)
			continue;
		for (; count <= cpu; count++)
			ns[count] = 0; /* of one that is off nothing is said */
		ns[cpu] = ticks * (1000000000u / (uint64_t)per_second);
	}
	if (f)
		fclose(f);
	return count;
}
