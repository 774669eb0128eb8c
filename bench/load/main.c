/* strata load: send HTTP requests, and time each as its client sees it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/load/options.h"
#include "bench/load/result.h"
#include "bench/load/run.h"
#include "lib/err.h"
#include "lib/options.h"

static int print_result(struct result *res, bool json)
{
	if ((json ? result_json(res, stdout) : result_table(res, stdout)) < 0)
		return -1;
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno("writing the result");
	return 0;
}

/* 0 if every request was sent and answered as it should be. */
static int judge(const struct run *r)
{
	unsigned int errors = atomic_load(&r->errors);

	if (atomic_load(&r->gave_up))
		return err_set(
			"gave up: %u requests in a row had no reply; the first error: %s",
			atomic_load(&r->unanswered), r->first_error);
	if (errors)
		return err_set("%u of %u requests failed; the first: %s", errors,
			       atomic_load(&r->finished), r->first_error);
	if (r->interrupted)
		return err_set("interrupted");
	return 0;
}

static int report(const struct run *r, FILE *samples)
{
	const struct load_options *o = r->options;
	struct result res;
	int ret = result_make(&res, r);

	if (ret == 0)
		ret = print_result(&res, o->json);
	result_free(&res);
	if (ret == 0 && samples)
		ret = result_samples(r, samples, o->samples_path);
	return ret == 0 ? judge(r) : ret;
}

static int load(const struct load_options *o)
{
	FILE *samples = NULL;
	struct run r;
	int ret;

	/* opened now, so that a wrong path is known before the run; written when it is over */
	if (o->samples_path) {
		samples = fopen(o->samples_path, "we");
		if (!samples)
			return err_errno("%s: the samples cannot be written there",
					 o->samples_path);
	}
	ret = run_load(&r, o);
	if (ret == 0) {
		ret = report(&r, samples);
		run_free(&r);
	}
	if (samples && fclose(samples) != 0 && ret == 0)
		ret = err_errno("writing the samples to %s", o->samples_path);
	return ret;
}

int main(int argc, char **argv)
{
	struct load_options o;
	int parsed = options_parse(&o, argc, argv);

	if (parsed)
		return options_exit(parsed, "load");
	if (load(&o) < 0) {
		err_print("strata load");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
