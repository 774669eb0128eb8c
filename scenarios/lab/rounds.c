/* Rounds of load: see rounds.h. */
#include "scenarios/lab/rounds.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define ROUND_TIMEOUT_MS 300000

json_t *round_run(struct lab *lab, const char *path, int count, const char *samples_path)
{
	char load[PATH_MAX], requests[16], url[256], *text;
	const char *argv[] = {load,
			      "--json",
			      "--mixed",
			      "--timeout",
			      "20",
			      "--wait",
			      "10",
			      "--requests",
			      requests,
			      url,
			      samples_path ? "--samples" : NULL,
			      samples_path,
			      NULL};
	struct proc_options opt = PROC_DEFAULTS;
	json_error_t why;
	json_t *round;

	if (path_program(load, sizeof(load), "strata-load"))
		return NULL;
	snprintf(requests, sizeof(requests), "%d", count);
	snprintf(url, sizeof(url), "http://%s%s", lab->address, path);
	opt.netns_fd = lab->site->client_ns;
	if (proc_run(argv, &opt, ROUND_TIMEOUT_MS, &text)) {
		err_add("the client's load");
		lab_add_state(lab);
		return NULL;
	}
	round = json_loads(text, 0, &why);
	free(text);
	if (!round)
		err_set("the client's load: its answer is not the JSON expected: %s", why.text);
	return round;
}

long long round_figure(const json_t *round, const char *what, const char *key)
{
	const json_t *n = json_object_get(json_object_get(round, what), key);

	return json_is_integer(n) ? json_integer_value(n) : -1;
}
