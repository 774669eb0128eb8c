/* strata cost: what tracing costs, beside nobody looking on and beside other tools. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/cost/study.h"
#include "lib/err.h"
#include "lib/options.h"
#include "lib/progress.h"
#include "lib/stop.h"

static const char PROGRAM[] = "strata-cost";

static const char HELP[] =
	"usage: strata cost [OPTIONS] [PART...]\n"
	"\n"
	"What tracing costs, measured on this kernel. PART is load, collect or join (all):\n"
	"\n"
	"  load     nginx in a namespace behind a bridge, wrk at saturation and at half of it, while\n"
	"           nobody, strata, tcpdump or bpftrace looks on, in random order, round after round\n"
	"  collect  a storm of events into the rings of a tracer that has one core\n"
	"  join     a large recording, read\n"
	"\n"
	"Needs root, a kernel with BTF, and nginx of the guest's image (make guest-image).\n"
	"\n"
	"  --list           the figures, and no more\n"
	"  --observers LIST beside none and strata, of strata-uprobes,strata-sample-16,empty,\n"
	"                   tcpdump,bpftrace (all)\n"
	"  --rounds N       (10)\n"
	"  --seconds S      of each load and storm (2)\n"
	"  --storm-rate N   events a second (1000000)\n"
	"  --join-events N  (10000000)\n"
	"  --quick          two rounds of one second, a tenth of the events to join\n"
	"  --seed N         of the random order (from the clock, and printed)\n"
	"  --json           print one JSON document (strata.bench/1) instead of the table\n"
	"  --output FILE    keep that document in FILE (out/cost/result.json)\n"
	"  --help           this text\n"
	"\n"
	"Ctrl-C ends it after the current step; what was measured until then is told.\n";

struct run_options {
	struct study_options study;
	bool json, list;
	const char *output;
	char command[512];
};

static int parse_part(struct study_options *o, const char *name)
{
	static const char *const names[] = {"load", "collect", "join"};

	for (unsigned int i = 0; i < 3; i++)
		if (!strcmp(name, names[i])) {
			o->parts |= 1u << i;
			return 0;
		}
	return err_set("%s: expected load, collect or join", name);
}

static int take_quick(void *into, const char *name, char *text)
{
	struct study_options *s = &((struct run_options *)into)->study;

	(void)name;
	(void)text;
	s->rounds = 2;
	s->seconds = 1;
	s->join_events = 1000000;
	return 0;
}

#define AT(field) offsetof(struct run_options, field)
static const struct option_row rows[] = {
	OPTION(SET, "list", AT(list)),
	OPTION(TEXT, "observers", AT(study.observers)),
	OPTION(UNSIGNED, "rounds", AT(study.rounds), 1, ROUNDS_MAX),
	OPTION(UNSIGNED, "seconds", AT(study.seconds), 1, 3600),
	OPTION(UNSIGNED, "storm-rate", AT(study.storm_rate), 1, 100000000),
	OPTION(NUMBER, "join-events", AT(study.join_events), 1, 1000000000),
	OPTION(DO, "quick", .take = take_quick),
	OPTION(NUMBER, "seed", AT(study.seed), 0, UINT64_MAX),
	OPTION(SET, "json", AT(json)),
	OPTION(TEXT, "output", AT(output)),
	OPTION(HELP, "help", .letter = 'h'),
};
static const struct option_table table = OPTIONS(rows, HELP);

/* 0 go on, 1 help was given, -1 wrong usage with a sentence. */
static int parse(struct run_options *o, int argc, char **argv)
{
	int result;

	snprintf(o->command, sizeof(o->command), "strata cost");
	for (int i = 1; i < argc; i++) {
		size_t n = strlen(o->command);

		snprintf(o->command + n, sizeof(o->command) - n, " %s", argv[i]);
	}
	result = options_read(&table, o, argc, argv, NULL);
	if (result)
		return result;
	for (int i = optind; i < argc; i++)
		if (parse_part(&o->study, argv[i]))
			return -1;
	if (!o->study.parts)
		o->study.parts = PART_ALL;
	return 0;
}

static void list(void)
{
	for (unsigned int i = 0; i < FIGURES; i++)
		printf("%-22s %-11s %-14s %s\n", figures[i].name, figures[i].unit,
		       figures[i].higher ? "more is better" : "less is better",
		       figures[i].text);
}

static int write_document(const struct run_options *o, const struct study *s)
{
	json_t *document = study_json(s, o->command);
	int result = 0;

	if (json_dump_file(document, o->output, JSON_INDENT(1) | JSON_REAL_PRECISION(9)))
		result = err_errno("write %s", o->output);
	if (o->json)
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(document);
	return result;
}

static int run(const struct run_options *o)
{
	static struct study s;
	char folder[64];

	s.stop = &stop_asked;
	snprintf(folder, sizeof(folder), "out/cost/run-%d", getpid());
	progress("seed %llu", (unsigned long long)o->study.seed);
	if (study_run(&s, &o->study, folder) || write_document(o, &s) ||
	    (!o->json && study_print(&s, o->command, stdout))) {
		fprintf(stderr, "%s: %s\n", PROGRAM, err_text());
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct run_options o = {.study = {.rounds = 10,
					  .seconds = 2,
					  .storm_rate = 1000000,
					  .join_events = 10000000,
					  .seed = (uint64_t)time(NULL)},
				.output = "out/cost/result.json"};
	int parsed = parse(&o, argc, argv);

	if (parsed)
		return options_exit(parsed, "cost");
	if (o.list) {
		list();
		return 0;
	}
	stop_on_signals();
	progress_start("cost");
	return run(&o);
}
