/* stress-ng's stressors: see work.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/measure/ask.h"
#include "bench/measure/work.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define TIMEOUT_MS 60000
#define NEAR       "bogo-ops-per-second-real-time:"

static const char *const keys[] = {"ops_per_second", NULL};

static int in_machine(const struct bench_context *c, const char *stressor, const char *method,
		      double *per_second)
{
	struct words w = {0};
	json_t *answer;
	int result;

	words_split(&w, "curl --silent --show-error --fail --max-time 120");
	words_add(&w,
		  "http://" GUEST_ADDRESS
		  ":8080/cgi-bin/stress?stressor=%s&method=%s&seconds=%u",
		  stressor, method ? method : "", c->limits->seconds);
	answer = ask_program(c->guest->site->netns, &w);
	result = answer ? ask_dig(answer, keys, per_second) : -1;
	json_decref(answer);
	return result;
}

/* What stress-ng wrote: the line with the figure. */
static int read_figure(const char *path, double *per_second)
{
	char line[256];
	FILE *f = fopen(path, "re");
	int result = -1;

	while (f && result && fgets(line, sizeof(line), f))
		if (sscanf(line, " " NEAR " %lf", per_second) == 1)
			result = 0;
	if (f)
		fclose(f);
	return result ? err_set("stress-ng wrote no figure") : 0;
}

static int on_this_kernel(const struct bench_context *c, const char *stressor,
			  const char *method, double *per_second)
{
	const struct guest *g = c->guest;
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	char yaml[300], *text = NULL;
	const char *const *argv;
	int result;

	snprintf(yaml, sizeof(yaml), "%s/stress.yaml", g->site->folder);
	unlink(yaml);
	if (g->contained)
		words_split(&w,
			    "unshare --mount --uts --ipc --pid --cgroup --fork --mount-proc");
	words_split(&w, "stress-ng --verify --metrics --timeout");
	words_add(&w, "%us", c->limits->seconds);
	words_add(&w, "--temp-path=%s", g->site->folder);
	words_add(&w, "--yaml=%s", yaml);
	words_add(&w, "--%s=1", stressor);
	if (method)
		words_add(&w, "--cpu-method=%s", method);
	opt.netns_fd = g->server_ns;
	argv = words_argv(&w);
	result = argv ? proc_run(argv, &opt, TIMEOUT_MS, &text) : -1;
	free(text);
	words_free(&w);
	return result ? -1 : read_figure(yaml, per_second);
}

int work_stress(const struct bench_context *c, const char *stressor, const char *method,
		double *per_second)
{
	return c->guest->monitor ? in_machine(c, stressor, method, per_second)
				 : on_this_kernel(c, stressor, method, per_second);
}
