/* Reading a large recording: see join.h. */
#include "bench/cost/join.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "tracer/synthetic.h"

#define CONNECTIONS 64
#define PER_REQUEST 22 /* events of a container's request, the client on this machine */

int join_prepare(const char *path, uint64_t events)
{
	const struct synthetic_options o = {
		.seed = 1,
		.place = PLACE_CONTAINER,
		.requests = (unsigned int)((events + PER_REQUEST - 1) / PER_REQUEST),
		.connections = CONNECTIONS,
		.reply_bytes = 3,
	};

	return synthetic_create(path, &o, NULL, NULL);
}

static double seconds(struct timespec t)
{
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Run it to its end; its document goes to a file beside the recording. */
static int run(const char *path, const char *document, struct rusage *used, double *took)
{
	char program[PATH_MAX];
	const char *const argv[] = {program, "--read", path, "--json", NULL};
	struct proc_options opt = PROC_DEFAULTS;
	struct timespec begin, end;
	int status;
	pid_t pid;

	if (path_program(program, sizeof(program), "strata-trace"))
		return -1;
	opt.stdout_fd = open(document, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (opt.stdout_fd < 0)
		return err_errno("write %s", document);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = proc_start(argv, &opt);
	close(opt.stdout_fd);
	if (pid < 0)
		return -1;
	while (wait4(pid, &status, 0, used) < 0)
		if (errno != EINTR)
			return err_errno("wait for strata trace");
	clock_gettime(CLOCK_MONOTONIC, &end);
	*took = seconds(end) - seconds(begin);
	return status ? err_set("strata trace --read %s", proc_status_text(status)) : 0;
}

static int count_events(const char *document, uint64_t *events)
{
	json_t *d = json_load_file(document, 0, NULL);
	json_int_t total = 0, requests = 0;

	if (!d || json_unpack(d, "{s:{s:I},s:{s:I}}", "events", "total", &total, "requests",
			      "complete", &requests)) {
		json_decref(d);
		return err_set("strata trace --read left no document");
	}
	json_decref(d);
	*events = (uint64_t)total;
	return requests ? 0 : err_set("strata trace --read joined no request");
}

int join_run(const char *path, struct join_result *r)
{
	char document[PATH_MAX];
	struct rusage used;
	double took = 0, cpu;

	snprintf(document, sizeof(document), "%s.json", path);
	if (run(path, document, &used, &took) || count_events(document, &r->events))
		return -1;
	cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	      1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	r->rate = (double)r->events / took;
	r->cpu_ns = 1e9 * cpu / (double)r->events;
	r->mib = (double)used.ru_maxrss / 1024;
	return 0;
}
