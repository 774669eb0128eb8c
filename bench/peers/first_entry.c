/* The first entry into guest mode, by tracefs: see first_entry.h. */
#include "bench/peers/first_entry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing/instances/strata-peers-%d"

static bool put(const struct first_entry *f, const char *file, const char *value)
{
	char path[256];
	bool done = false;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->folder, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd >= 0) {
		done = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
		close(fd);
	}
	return done;
}

void first_entry_begin(struct first_entry *f)
{
	snprintf(f->folder, sizeof(f->folder), TRACEFS, getpid());
	f->on = !mkdir(f->folder, 0700) && put(f, "trace_clock", "mono") &&
		put(f, "buffer_size_kb", "64") && put(f, "options/overwrite", "0") &&
		put(f, "events/kvm/kvm_entry/enable", "1");
}

/* "  CPU 0/KVM-1234  [001] d..1.  12.345678: kvm_entry: ...": the thread and the time. */
static bool parse(const char *line, pid_t *tid, int64_t *ns)
{
	const char *event = strstr(line, ": kvm_entry:"), *bracket = strchr(line, '[');
	long long s, us;

	if (!event || !bracket || bracket > event)
		return false;
	while (bracket > line && *bracket != '-')
		bracket--;
	while (event > line && event[-1] != ' ')
		event--;
	*tid = atoi(bracket + 1);
	if (sscanf(event, "%lld.%lld", &s, &us) != 2)
		return false;
	*ns = s * 1000000000 + us * 1000;
	return true;
}

static bool is_thread_of(pid_t tid, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
	return !access(path, F_OK);
}

int64_t first_entry_find(const struct first_entry *f, pid_t pid, int64_t start_ns)
{
	char path[256], line[512];
	int64_t found = -1, ns;
	FILE *trace;
	pid_t tid;

	if (!f->on)
		return -1;
	put(f, "tracing_on", "0");
	snprintf(path, sizeof(path), "%s/trace", f->folder);
	trace = fopen(path, "re");
	while (trace && found < 0 && fgets(line, sizeof(line), trace))
		if (parse(line, &tid, &ns) && ns >= start_ns && is_thread_of(tid, pid))
			found = ns - start_ns;
	if (trace)
		fclose(trace);
	return found;
}

void first_entry_end(struct first_entry *f)
{
	put(f, "events/kvm/kvm_entry/enable", "0");
	rmdir(f->folder);
	f->on = false;
}
