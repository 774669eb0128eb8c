/* strata doctor: what this machine can do for strata, and what to do about the rest. */
#include <getopt.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/options.h"
#include "scenarios/doctor/report.h"
#include "scenarios/doctor/verdict.h"

static const char help[] =
	"usage: strata doctor [--json | --where]\n"
	"\n"
	"Looks at what this machine can do for strata: virtualization (a tiny guest is run and\n"
	"timed), eBPF (a tiny program of each kind is loaded and run), network devices, images.\n"
	"\n"
	"  --json    one JSON document, schema strata.doctor/1\n"
	"  --where   where the main job can run, one word: here, testbed or no\n"
	"  --help    this text\n"
	"\n"
	"Exit code: 0 if the main job can run here or in the testbed machine, 1 otherwise.\n";

struct doctor_options {
	bool json, where;
};

#define AT(field) offsetof(struct doctor_options, field)
static const struct option_row rows[] = {
	OPTION(SET, "json", AT(json)),
	OPTION(SET, "where", AT(where)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

static int parse(struct doctor_options *o, int argc, char **argv)
{
	int result = options_read(&table, o, argc, argv, NULL);

	if (result)
		return result;
	if (optind < argc)
		return err_set("\"%s\": no arguments are needed", argv[optind]);
	return o->json && o->where ? err_set("--json and --where: only one of them is possible")
				   : 0;
}

static int print(const struct doctor_options *o, const struct finding findings[CHECK_COUNT],
		 const struct verdict *v)
{
	int ret = 0;

	if (o->where)
		puts(where_name(v->where));
	else
		ret = o->json ? report_json(findings, stdout) : report_table(findings, stdout);
	if (ret == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		ret = err_errno("writing the findings");
	return ret;
}

int main(int argc, char **argv)
{
	struct finding findings[CHECK_COUNT];
	struct doctor_options o = {0};
	int parsed = parse(&o, argc, argv);
	struct verdict v;

	if (parsed)
		return options_exit(parsed, "doctor");
	checks_run(findings);
	v = doctor_verdict(findings, NEED_VM);
	if (print(&o, findings, &v) < 0) {
		err_print("strata doctor");
		return EXIT_FAILED;
	}
	return v.where == WHERE_NO ? EXIT_FAILED : EXIT_OK;
}
