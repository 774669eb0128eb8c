/*
 * strata compare: the same server in several modes, side by side. See study.h for how it is
 * measured, judge.h for what is made of it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/stop.h"
#include "scenarios/compare/report.h"
#include "scenarios/lab/machine.h"

static int write_document(const struct study *s, json_t *document)
{
	char path[PATH_MAX], fresh[PATH_MAX];

	snprintf(path, sizeof(path), "%s/compare.json", s->options->folder);
	snprintf(fresh, sizeof(fresh), "%s/compare.json.new", s->options->folder);
	if (json_dump_file(document, fresh, JSON_COMPACT | JSON_REAL_PRECISION(9)) ||
	    rename(fresh, path))
		return err_errno("write %s", path);
	return 0;
}

/* What there is, on disk: whatever happens later, it is kept. */
static int keep(struct study *s)
{
	struct judgements *j = malloc(sizeof(*j));
	json_t *document;
	int result = -1;

	if (!j)
		return err_set("out of memory for judgements");
	judge(j, s);
	document = report_json(s, j);
	if (document)
		result = write_document(s, document);
	json_decref(document);
	free(j);
	return result;
}

static int show(struct study *s)
{
	struct judgements *j = malloc(sizeof(*j));
	json_t *document = NULL;
	int result = 0;

	if (!j)
		return err_set("out of memory for judgements");
	judge(j, s);
	document = report_json(s, j);
	if (!document || write_document(s, document))
		result = -1;
	else if (s->options->json)
		result = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	else
		result = report_print(s, j, stdout);
	if (!result && !s->options->json)
		printf("samples     %s/compare.json\n", s->options->folder);
	json_decref(document);
	free(j);
	return result || fflush(stdout) ? -1 : 0;
}

static int run(const struct compare_options *o)
{
	struct study *s = malloc(sizeof(*s));
	int result;

	if (!s)
		return err_set("out of memory for the study");
	study_plan(s, o, &stop_asked);
	stop_on_signals();
	result = study_run(s, keep);
	if (!result)
		result = show(s);
	study_free(s);
	free(s);
	return result;
}

static unsigned int all_places(const struct compare_options *o)
{
	unsigned int places = 0;

	for (int i = 0; i < o->mode_count; i++)
		places |= o->modes[i];
	return places;
}

int main(int argc, char **argv)
{
	struct compare_options o;
	int parsed = compare_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("compare");
	if (lab_choose_machine("compare", all_places(&o), o.here, argc, argv) || run(&o)) {
		err_print("strata-compare");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
