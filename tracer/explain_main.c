/* strata explain: why the slow requests of a recording were slow. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/options.h"
#include "tracer/analyse.h"
#include "tracer/explain.h"
#include "tracer/print.h"

static const char help[] =
	"usage: strata explain [--json] RECORDING\n"
	"\n"
	"Say which layer, and which cause, made the slow requests of a recording slow: the slowest\n"
	"in a hundred (but five at least) against the middle half, with the evidence; or that it\n"
	"does not know. RECORDING is what \"strata trace\" or \"strata demo\" wrote.\n"
	"\n"
	"  --json   one JSON document, schema strata.explain/1\n"
	"  --help   this text\n"
	"\n"
	"Exit status: 0 all is well, also if it does not know, 1 something failed, 2 wrong usage.\n";

static const struct option_row rows[] = {OPTION(SET, "json"), OPTION(HELP, "help")};
static const struct option_table table = OPTIONS(rows, help);

static int show_json(const struct model *m, const struct explanation *e)
{
	json_t *doc = explain_json(m, e);
	int failed = !doc || json_dumpf(doc, stdout, JSON_INDENT(2)) || putchar('\n') < 0;

	json_decref(doc);
	return failed || fflush(stdout) ? err_errno("write the explanation") : 0;
}

static int show(const char *path, bool json)
{
	struct explanation e;
	struct model *m;
	int result;

	if (analyse(path, NULL, &m))
		return -1;
	result = explain(m, &e);
	if (!result)
		result = json ? show_json(m, &e)
			      : explain_print(m, &e, path, stdout, table_style_of(stdout),
					      PRINT_COLUMNS);
	model_free(m);
	return result;
}

int main(int argc, char **argv)
{
	bool json = false;
	int result = options_read(&table, &json, argc, argv, NULL);

	if (!result && argc - optind != 1)
		result = err_set("which recording? One, as \"strata trace\" wrote it");
	if (result)
		return options_exit(result, "explain");
	if (!show(argv[optind], json))
		return EXIT_OK;
	err_print("strata-explain");
	return EXIT_FAILED;
}
