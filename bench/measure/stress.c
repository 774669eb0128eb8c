/* stress-ng's stressors: see work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/ask.h"
#include "bench/measure/work.h"
#include "bench/peers/cpus.h"
#include "lib/err.h"
#include "lib/proc.h"

#define TIMEOUT_MS 60000

static const char *const keys[] = {"ops_per_second", NULL};

static int in_machine(const struct bench_context *c, const char *stressor, const char *method,
		      double *per_second)
{
	struct words w = {0};
	json_t *answer;
	int result;

	words_split(&w, "curl --silent --show-error --fail --max-time 120");
	words_add(&w, "http://%s:8080/cgi-bin/stress?stressor=%s&method=%s&seconds=%u",
		  c->guest->address, stressor, method ? method : "", c->limits->seconds);
	answer = ask_program(c->guest->site->netns, &w);
	result = answer ? ask_dig(answer, keys, per_second) : -1;
	json_decref(answer);
	return result;
}

/* "stress-ng: metrc: [123] pipe  4567  1.00  0.20  0.70  4567.12 ...": operations, seconds in
 * all, of the user and of the kernel, and operations a second. */
static int read_figure(const char *text, const char *stressor, double *per_second)
{
	for (const char *at = text; (at = strstr(at, "metrc: [")); at++) {
		char name[32];

		if (sscanf(at, "metrc: [%*d] %31s %*f %*f %*f %*f %lf", name, per_second) ==
			    2 &&
		    !strcmp(name, stressor))
			return 0;
	}
	return err_set("stress-ng told no figure: %.400s", text);
}

/* exec refuses to be run as root. */
static bool is_for_users(const char *stressor)
{
	return !strcmp(stressor, "exec");
}

static int on_this_kernel(const struct bench_context *c, const char *stressor,
			  const char *method, double *per_second)
{
	const struct guest *g = c->guest;
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	const char *const *argv;
	char *text = NULL;
	int result = -1;

	if (g->contained)
		words_split(&w,
			    "unshare --mount --uts --ipc --pid --cgroup --fork --mount-proc");
	if (is_for_users(stressor))
		words_split(&w, "setpriv --reuid=65534 --regid=65534 --clear-groups");
	words_split(&w, "stress-ng --verify --stdout --metrics-brief --timeout");
	words_add(&w, "%us", c->limits->seconds);
	words_add(&w, "--temp-path=%s", is_for_users(stressor) ? "/tmp" : g->site->folder);
	words_add(&w, "--%s=1", stressor);
	if (method)
		words_add(&w, "--cpu-method=%s", method);
	opt.netns_fd = g->server_ns;
	opt.cpus = cpus_system();
	argv = words_argv(&w);
	if (argv && !proc_run(argv, &opt, TIMEOUT_MS, &text))
		result = read_figure(text, stressor, per_second);
	free(text);
	words_free(&w);
	return result;
}

int work_stress(const struct bench_context *c, const char *stressor, const char *method,
		double *per_second)
{
	return c->guest->monitor ? in_machine(c, stressor, method, per_second)
				 : on_this_kernel(c, stressor, method, per_second);
}
