/* A program run for its JSON: see ask.h. */
#include "bench/measure/ask.h"

#include <stdlib.h>

#include "bench/peers/cpus.h"
#include "lib/err.h"
#include "lib/proc.h"

#define TIMEOUT_MS 60000

json_t *ask_program(int netns, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	const char *const *argv = words_argv(w);
	json_t *answer = NULL;
	json_error_t why;
	char *text = NULL;

	opt.netns_fd = netns;
	opt.cpus = netns < 0 ? cpus_system() : cpus_client();
	if (argv && !proc_run(argv, &opt, TIMEOUT_MS, &text)) {
		answer = json_loads(text, JSON_DISABLE_EOF_CHECK, &why);
		if (!answer)
			err_set("%s: its answer is no JSON: %s", argv[0], why.text);
	}
	free(text);
	words_free(w);
	return answer;
}

int ask_dig(const json_t *document, const char *const *keys, double *value)
{
	const json_t *at = document;

	for (; at && *keys; keys++)
		at = json_object_get(at, *keys);
	if (!json_is_number(at))
		return err_set("the answer has no such figure");
	*value = json_number_value(at);
	return 0;
}
