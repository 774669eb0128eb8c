/* Two documents judged: see compare.h. */
#include "bench/suite/compare.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/suite/document.h"
#include "bench/suite/markdown.h"
#include "lib/err.h"
#include "lib/finite.h"
#include "lib/options.h"

static const char HELP[] =
	"usage: strata bench compare [--json] A.json B.json\n"
	"\n"
	"Judges the results B against the results A, both of strata bench or strata peers: a\n"
	"difference is one if a permutation test says so after correction for their number, and\n"
	"it exceeds what the sessions' own twins differ by. Exit code 1 if anything is worse.\n";

#define SEED 1 /* of resampling: the same files, the same answer */

static json_t *comparisons_json(const struct comparison *c, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct result *x = c[i].a ? c[i].a : c[i].b;

		json_array_append_new(
			list,
			json_pack("{s:s,s:s?,s:s?,s:s?,s:o,s:o,s:o,s:[o,o],s:o,s:o,s:o,"
				  "s:s}",
				  "name", x->name, "mode", x->subject, "monitor", x->monitor,
				  "where", x->where, "a", json_finite(c[i].median_a), "b",
				  json_finite(c[i].median_b), "ratio", json_finite(c[i].ratio),
				  "ci95", json_finite(c[i].interval.low),
				  json_finite(c[i].interval.high), "floor",
				  json_finite(c[i].floor), "p", json_finite(c[i].p), "p_holm",
				  json_finite(c[i].p_holm), "verdict",
				  verdict_text(c[i].verdict)));
	}
	return json_pack("{s:s,s:o}", "schema", "strata.bench.compare/1", "comparisons", list);
}

static int tell(json_t *a, json_t *b, const struct comparison *c, size_t count, bool json)
{
	json_t *document;
	int result;

	if (!json)
		return markdown_comparison(a, b, c, count, stdout);
	document = comparisons_json(c, count);
	result = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(document);
	return result ? err_errno("write the comparison") : 0;
}

static int compare_results(json_t *a, json_t *b, const struct results *ra,
			   const struct results *rb, bool json)
{
	size_t count, worse = 0;
	struct comparison *c = judge_pairs(ra, rb, SEED, &count);
	int result = c ? tell(a, b, c, count, json) : -1;

	for (size_t i = 0; c && i < count; i++)
		worse += c[i].verdict == VERDICT_WORSE;
	free(c);
	return result ? -1 : worse > 0;
}

/* 0 nothing is worse, 1 something is, -1 with a sentence. */
static int compare_files(const char *path_a, const char *path_b, bool json)
{
	json_t *a = document_read(path_a), *b = a ? document_read(path_b) : NULL;
	struct results ra = {0}, rb = {0};
	int result = -1;

	if (b && !results_read(&ra, a, path_a) && !results_read(&rb, b, path_b))
		result = compare_results(a, b, &ra, &rb, json);
	results_free(&ra);
	results_free(&rb);
	json_decref(a);
	json_decref(b);
	return result;
}

int compare_main(int argc, char **argv)
{
	static const struct option_row rows[] = {OPTION(SET, "json"),
						 OPTION(HELP, "help", .letter = 'h')};
	static const struct option_table table = OPTIONS(rows, HELP);
	bool json = false;
	int result = options_read(&table, &json, argc, argv, NULL);

	if (!result && argc - optind != 2)
		result = err_set("two documents are needed");
	if (result)
		return options_exit(result, "bench compare");
	result = compare_files(argv[optind], argv[optind + 1], json);
	if (result < 0)
		err_print("strata-bench");
	return result ? EXIT_FAILED : EXIT_OK;
}
