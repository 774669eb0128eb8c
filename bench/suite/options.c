/* The command line of strata bench. */
#include "bench/suite/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/options.h"
#include "lib/units.h"

static const char HELP[] =
	"usage: strata bench [OPTIONS] [NAME...]\n"
	"       strata bench compare [--json] A.json B.json\n"
	"\n"
	"Measures what virtualization costs on this machine, and how sure that is. NAME is a\n"
	"benchmark or a glob (\"exit.*\"); without one, all. What cannot be measured here is\n"
	"skipped, with the reason. Needs root.\n"
	"\n"
	"  --list            the benchmarks of these names, and no more\n"
	"  --quick           fewer and shorter samples: minutes, not an hour\n"
	"  --runs N          samples of each benchmark, 2 to 200, an even number (20; quick: 10)\n"
	"  --boots N         ... of machines that boot a kernel, 1 to 100 (6; quick: 2);\n"
	"                    of bare and container twice as many (quick: as many)\n"
	"  --subjects LIST   only in these: kvm,bare,container,emulated,strata:virtio,...\n"
	"  --turns N         keep the machines of a mode up side by side, and measure each N\n"
	"                    times, by turns: for what drifts from one second to the next\n"
	"  --peers           other monitors beside strata's, too\n"
	"  --monitor FILE    ... and that file's (docs/bench.md says what is in it)\n"
	"  --wire CLIENT,CARD\n"
	"                    two network cards on one cable, the second to pass through (in\n"
	"                    the testbed its own)\n"
	"  --drive PCI       an NVMe drive to pass through; what is on it is overwritten\n"
	"  --seed N          of order, twins and resampling (from the clock, and printed)\n"
	"  --output FILE     the document (out/bench/bench.json); the report lies beside it, as\n"
	"                    Markdown\n"
	"  --resume FILE     go on with a session that was interrupted\n"
	"  --tune            set the CPUs' governor to performance and stop KSM meanwhile\n"
	"  --delay NAME=T    add T (\"2us\") of work to that benchmark's path, to see that it is\n"
	"                    found\n"
	"  --json            print the document (strata.bench/1) instead of the report\n"
	"  --help            this text\n"
	"\n"
	"Ctrl-C ends it after the sample at hand; all that was measured is kept.\n";

static int take_monitor(void *into, const char *name, char *text)
{
	struct session_options *s = &((struct bench_options *)into)->session;

	(void)name;
	s->peers = true;
	return subjects_add_monitor(&s->sources, text);
}

static int take_delay(void *into, const char *name, char *text)
{
	struct session_options *s = &((struct bench_options *)into)->session;
	char *is = strchr(text, '=');

	if (!is)
		return err_set("--%s %s: expected NAME=TIME", name, text);
	*is = '\0';
	s->delay_name = text;
	return units_parse_ns(is + 1, &s->delay_ns);
}

#define AT(field)      offsetof(struct bench_options, field)
#define SESSION(field) offsetof(struct bench_options, session.field)
static const struct option_row rows[] = {
	OPTION(SET, "list", AT(list)),
	OPTION(SET, "quick", SESSION(quick)),
	OPTION(UNSIGNED, "runs", SESSION(runs), 2, ROUNDS_MAX),
	OPTION(UNSIGNED, "boots", SESSION(boots), 1, ROUNDS_MAX / 2),
	OPTION(UNSIGNED, "turns", SESSION(turns), 1, TURNS_MAX),
	OPTION(TEXT, "subjects", SESSION(subjects)),
	OPTION(SET, "peers", SESSION(peers)),
	OPTION(TAKE, "monitor", .take = take_monitor),
	OPTION(TEXT, "wire", SESSION(sources.wire)),
	OPTION(TEXT, "drive", SESSION(sources.drive)),
	OPTION(NUMBER, "seed", SESSION(seed), 0, INT64_MAX),
	OPTION(TEXT, "output", AT(output)),
	OPTION(TEXT, "resume", AT(resume)),
	OPTION(SET, "tune", AT(tune)),
	OPTION(TAKE, "delay", .take = take_delay),
	OPTION(SET, "json", AT(json)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, HELP);

static int finish(struct bench_options *o, int argc, char **argv)
{
	struct session_options *s = &o->session;

	s->names = argv + optind;
	s->name_count = argc - optind;
	if (o->resume &&
	    (s->name_count || s->runs || s->boots || s->turns ||
	     (s->peers && !s->sources.monitors) || s->subjects || s->quick || s->delay_name))
		return err_set("--resume: the document says what is to be done; only --output, "
			       "--json, --tune, --monitor, --wire and --drive may be given "
			       "with it");
	if (s->runs % 2)
		return err_set("--runs %u: an even number is needed: half of them are twins",
			       s->runs);
	if (!s->runs)
		s->runs = s->quick ? 10 : 20;
	if (!s->boots)
		s->boots = s->quick ? 2 : 6;
	s->limits = session_limits(s->quick);
	if (!o->output)
		o->output = o->resume ? o->resume : "out/bench/bench.json";
	return 0;
}

int bench_options_parse(struct bench_options *o, int argc, char **argv)
{
	int result;

	*o = (struct bench_options){.session.seed = (uint64_t)time(NULL)};
	result = options_read(&table, o, argc, argv, NULL);
	if (!result)
		result = finish(o, argc, argv);
	return result < 0 ? err_usage("bench") : result;
}
