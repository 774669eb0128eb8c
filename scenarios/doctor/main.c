/* strata doctor: what this machine can do for strata, and what to do about the rest. */
#include <getopt.h>
#include <stdio.h>

#include "lib/err.h"
#include "scenarios/doctor/report.h"
#include "scenarios/doctor/verdict.h"

static const char usage[] =
	"usage: strata doctor [--json | --where]\n"
	"\n"
	"Looks at what this machine can do for strata: virtualization (a tiny guest is run and\n"
	"timed), eBPF (a tiny program of each kind is loaded and run), network devices, images.\n"
	"\n"
	"  --json    one JSON document, schema strata.doctor/1\n"
	"  --where   where the main job can run, one word: here, testbed or no\n"
	"\n"
	"Exit code: 0 if the main job can run here or in the testbed machine, 1 otherwise.\n";

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_WHERE, FORMAT_HELP };

/* The format that is asked for; -1 with a sentence. */
static int parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, FORMAT_JSON},
		{"where", no_argument, NULL, FORMAT_WHERE},
		{"help", no_argument, NULL, FORMAT_HELP},
		{0},
	};
	int opt, format = FORMAT_TABLE;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == '?')
			return err_set("unknown option \"%s\"", argv[optind - 1]);
		if (format != FORMAT_TABLE && format != opt && opt != FORMAT_HELP)
			return err_set("--json and --where: only one of them is possible");
		format = opt;
	}
	if (optind < argc)
		return err_set("\"%s\": no arguments are needed", argv[optind]);
	return format;
}

static int print(enum format format, const struct finding findings[CHECK_COUNT],
		 const struct verdict *v)
{
	int ret = 0;

	if (format == FORMAT_TABLE)
		ret = report_table(findings, stdout);
	else if (format == FORMAT_JSON)
		ret = report_json(findings, stdout);
	else
		puts(where_name(v->where));
	if (ret == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		ret = err_errno("writing the findings");
	return ret;
}

int main(int argc, char **argv)
{
	struct finding findings[CHECK_COUNT];
	int format = parse(argc, argv);
	struct verdict v;

	if (format < 0) {
		err_print("strata doctor");
		fputs("\"strata doctor --help\" says how.\n", stderr);
		return EXIT_USAGE;
	}
	if (format == FORMAT_HELP) {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	checks_run(findings);
	v = doctor_verdict(findings, NEED_VM);
	if (print(format, findings, &v) < 0) {
		err_print("strata doctor");
		return EXIT_FAILED;
	}
	return v.where == WHERE_NO ? EXIT_FAILED : EXIT_OK;
}
