/* The command line of strata bench. */
#include "bench/suite/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/number.h"
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

enum {
	OPT_LIST = 256,
	OPT_QUICK,
	OPT_RUNS,
	OPT_BOOTS,
	OPT_SUBJECTS,
	OPT_PEERS,
	OPT_MONITOR,
	OPT_WIRE,
	OPT_DRIVE,
	OPT_SEED,
	OPT_OUTPUT,
	OPT_RESUME,
	OPT_TUNE,
	OPT_DELAY,
	OPT_JSON,
	OPT_HELP
};

static const struct option longs[] = {
	{"list", no_argument, NULL, OPT_LIST},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"runs", required_argument, NULL, OPT_RUNS},
	{"boots", required_argument, NULL, OPT_BOOTS},
	{"subjects", required_argument, NULL, OPT_SUBJECTS},
	{"peers", no_argument, NULL, OPT_PEERS},
	{"monitor", required_argument, NULL, OPT_MONITOR},
	{"wire", required_argument, NULL, OPT_WIRE},
	{"drive", required_argument, NULL, OPT_DRIVE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"resume", required_argument, NULL, OPT_RESUME},
	{"tune", no_argument, NULL, OPT_TUNE},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int runs(struct session_options *o, const char *text)
{
	uint64_t n;

	if (number_range("runs", text, 2, ROUNDS_MAX, &n))
		return -1;
	o->runs = (unsigned int)n;
	return n % 2 ? err_set("--runs %s: an even number is needed: half of them are twins",
			       text)
		     : 0;
}

static int boots(struct session_options *o, const char *text)
{
	uint64_t n;

	if (number_range("boots", text, 1, ROUNDS_MAX / 2, &n))
		return -1;
	o->boots = (unsigned int)n;
	return 0;
}

static int delay(struct session_options *o, char *text)
{
	char *is = strchr(text, '=');

	if (!is)
		return err_set("--delay %s: expected NAME=TIME", text);
	*is = '\0';
	o->delay_name = text;
	return units_parse_ns(is + 1, &o->delay_ns);
}

static int take(struct bench_options *o, int opt)
{
	struct session_options *s = &o->session;

	switch (opt) {
	case OPT_LIST:
		o->list = true;
		return 0;
	case OPT_QUICK:
		s->quick = true;
		return 0;
	case OPT_RUNS:
		return runs(s, optarg);
	case OPT_BOOTS:
		return boots(s, optarg);
	case OPT_PEERS:
		s->peers = true;
		return 0;
	case OPT_MONITOR:
		s->peers = true;
		return subjects_add_monitor(&s->sources, optarg);
	case OPT_WIRE:
		s->sources.wire = optarg;
		return 0;
	case OPT_DRIVE:
		s->sources.drive = optarg;
		return 0;
	case OPT_SUBJECTS:
		s->subjects = optarg;
		return 0;
	case OPT_SEED:
		return number_range("seed", optarg, 0, INT64_MAX, &s->seed);
	case OPT_OUTPUT:
		o->output = optarg;
		return 0;
	case OPT_RESUME:
		o->resume = optarg;
		return 0;
	case OPT_TUNE:
		o->tune = true;
		return 0;
	case OPT_DELAY:
		return delay(s, optarg);
	default:
		o->json = true;
		return 0;
	}
}

static int finish(struct bench_options *o, int argc, char **argv)
{
	struct session_options *s = &o->session;

	s->names = argv + optind;
	s->name_count = argc - optind;
	if (o->resume &&
	    (s->name_count || s->runs || s->boots || (s->peers && !s->sources.monitors) ||
	     s->subjects || s->quick || s->delay_name))
		return err_set("--resume: the document says what is to be done; only --output, "
			       "--json, --tune, --monitor, --wire and --drive may be given "
			       "with it");
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
	int opt, wrong = 0;

	*o = (struct bench_options){.session.seed = (uint64_t)time(NULL)};
	while (!wrong && (opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == OPT_HELP) {
			fputs(HELP, stdout);
			return 1;
		}
		if (opt == '?') {
			fputs("see strata bench --help\n", stderr);
			return -1;
		}
		wrong = take(o, opt);
	}
	if (!wrong)
		wrong = finish(o, argc, argv);
	if (wrong)
		err_print("strata-bench");
	return wrong;
}
