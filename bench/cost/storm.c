/* The storm: see storm.h. */
#include "bench/cost/storm.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/cost/observer.h"
#include "probes/bpf/config.h"

#include "bench/cost/storm.skel.h"
#include "lib/err.h"
#include "lib/hop.h"
#include "lib/now.h"
#include "lib/threads.h"

#define TICK_NS 1000000
#define HOPS    16

static const struct observer tracer = {
	.name = "strata",
	.program = "strata-trace",
	.words = "--bare lo --port 9 --output {folder}/trace.strata "
		 "--json",
	.ready = "tracing",
	.strata = true};

/* The map that a descriptor's fdinfo tells of, if it has that name; else -1. */
static int map_named(const char *fdinfo, const char *name)
{
	struct bpf_map_info info = {0};
	unsigned int bytes = sizeof(info), id = 0;
	char line[128];
	FILE *f = fopen(fdinfo, "re");
	int fd;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "map_id: %u", &id) == 1)
			break;
	if (f)
		fclose(f);
	fd = id ? bpf_map_get_fd_by_id(id) : -1;
	if (fd >= 0 && (bpf_obj_get_info_by_fd(fd, &info, &bytes) || strcmp(info.name, name))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* One of another process's maps. -1 with a sentence. */
static int map_of(pid_t pid, const char *name)
{
	char path[400];
	struct dirent *d;
	DIR *fds;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
	fds = opendir(path);
	while (fds && fd < 0 && (d = readdir(fds))) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, d->d_name);
		fd = map_named(path, name);
	}
	if (fds)
		closedir(fds);
	return fd < 0 ? err_set("the tracer, process %d, has no map %s", (int)pid, name) : fd;
}

static int reuse(struct bpf_map *map, pid_t pid)
{
	int fd = map_of(pid, bpf_map__name(map)), err;

	if (fd < 0)
		return -1;
	err = bpf_map__set_max_entries(map, (unsigned int)libbpf_num_possible_cpus());
	err = bpf_map__reuse_fd(map, fd);
	close(fd);
	errno = -err;
	return err ? err_errno("share the tracer's map %s", bpf_map__name(map)) : 0;
}

/* The hops that a container's requests have, in their order. */
static void choose_hops(struct storm_bpf *b)
{
	unsigned int n = 0;

	for (int hop = 0; hop < HOP_COUNT && n < HOPS; hop++)
		if (hop_table[hop].places & PLACE_CONTAINER)
			b->rodata->storm_hops[n++] = (uint16_t)hop;
}

static struct storm_bpf *load_storm(pid_t tracer_pid)
{
	struct storm_bpf *b = storm_bpf__open();
	int err;

	if (!b) {
		err_errno("open the storm's program");
		return NULL;
	}
	choose_hops(b);
	if (!reuse(b->maps.events, tracer_pid) && !reuse(b->maps.losses, tracer_pid)) {
		err = storm_bpf__load(b);
		if (!err)
			return b;
		errno = -err;
		err_errno("load the storm's program");
	}
	storm_bpf__destroy(b);
	return NULL;
}

/* Every millisecond what is due by then, whatever became of the one before. */
static int blow(struct storm_bpf *b, unsigned int seconds, unsigned int rate,
		const struct site *s)
{
	uint64_t begin = now_ns(), end = begin + seconds * 1000000000ULL, sent = 0;

	for (uint64_t now = begin; now < end && !*s->stop; now = now_ns()) {
		uint64_t arg = (now - begin) * rate / 1000000000ULL - sent;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &arg,
			    .ctx_size_in = sizeof(arg));
		struct timespec tick = {.tv_nsec = TICK_NS};

		if (arg && bpf_prog_test_run_opts(bpf_program__fd(b->progs.storm), &opts))
			return err_errno("run the storm's program");
		sent += arg;
		nanosleep(&tick, NULL);
	}
	return 0;
}

/* The first two processors that we may use, one in each set. */
static int two_processors(const cpu_set_t *all, cpu_set_t *first, cpu_set_t *second)
{
	int found = 0;

	CPU_ZERO(first);
	CPU_ZERO(second);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, all))
			CPU_SET(cpu, found++ ? second : first);
	return found == 2 ? 0 : err_set("two processors are needed, and there is one");
}

static int measure(struct watch *w, const struct site *s, unsigned int seconds,
		   unsigned int rate, struct storm_result *r)
{
	struct storm_bpf *b = load_storm(w->pid);
	uint64_t cpu, begin, ns, emitted;
	int result;

	if (!b)
		return -1;
	cpu = threads_ran_ns(w->pid);
	begin = now_ns();
	result = blow(b, seconds, rate, s);
	ns = now_ns() - begin;
	cpu = threads_ran_ns(w->pid) - cpu;
	emitted = b->bss->storm_emitted;
	storm_bpf__destroy(b);
	if (!result && emitted)
		*r = (struct storm_result){.emitted = emitted,
					   .rate = (double)emitted * 1e9 / (double)ns,
					   .cpu_ns = (double)cpu / (double)emitted,
					   .core = (double)cpu / (double)ns};
	return result;
}

/* What the tracer admits, or, if it is more, what is not in its recording. */
static uint64_t emitted_but_not(uint64_t emitted, const struct observed *seen)
{
	uint64_t missing = emitted > seen->events ? emitted - seen->events : 0;

	return missing > seen->lost ? missing : seen->lost;
}

static double recording_bytes(const struct site *s)
{
	struct stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s/trace.strata", s->folder);
	return stat(path, &st) ? 0 : (double)st.st_size;
}

int storm_run(const struct site *s, unsigned int seconds, unsigned int rate,
	      struct storm_result *r)
{
	cpu_set_t all, ours, its;
	struct observed seen;
	struct watch w;
	int result, stopped;

	sched_getaffinity(0, sizeof(all), &all);
	if (two_processors(&all, &ours, &its))
		return -1;
	/* a child inherits where it may run */
	sched_setaffinity(0, sizeof(its), &its);
	result = observer_start(&w, &tracer, s);
	sched_setaffinity(0, sizeof(ours), &ours);
	if (!result)
		result = measure(&w, s, seconds, rate, r);
	sched_setaffinity(0, sizeof(all), &all);
	stopped = observer_stop(&w, s, &seen);
	if (result || stopped)
		return -1;
	r->lost = emitted_but_not(r->emitted, &seen);
	r->bytes = seen.events ? recording_bytes(s) / (double)seen.events : 0;
	return 0;
}
