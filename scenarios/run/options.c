/* Options of strata run. */
#include "scenarios/run/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/err.h"
#include "lib/number.h"
#include "scenarios/run/expect.h"
#include "scenarios/run/scenario.h"

static const char help[] =
	"usage: strata run [OPTION]... FILE\n"
	"       strata run --cleanup\n"
	"\n"
	"Carry out the experiment that FILE describes (docs/scenarios.md): virtual machines on one\n"
	"host, a load on one of them, noise made by another, remedies; cells in each of which\n"
	"noise and remedies are there or not; and what is expected to come out. Where this machine\n"
	"cannot run it, it runs inside the testbed machine.\n"
	"\n"
	"  --dry-run        print all that would be done, do nothing\n"
	"  --rounds N       instead of the file's: each round goes through all cells\n"
	"  --seconds S      instead of the file's: the load in each cell\n"
	"  --seed N         of the order of cells and the resampling (random, and printed)\n"
	"  --output FOLDER  recordings, logs and results.json (out/run/NAME)\n"
	"  --json           print the JSON document, schema strata.bench/1, instead of the tables\n"
	"  --measures       list what can be measured and expected\n"
	"  --cleanup        remove what a run that was killed has left (the next run does it, too)\n"
	"  --wire A,B       network cards on one cable, the client's and the host's\n"
	"  --here           run on this machine, whatever \"strata doctor\" says of it\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 all expectations hold, 1 one does not, or something failed, 2 wrong usage,\n"
	"77 this host lacks what the file needs.\n";

enum {
	DRY_RUN = 256,
	ROUNDS,
	SECONDS,
	SEED,
	OUTPUT,
	JSON,
	MEASURES_LIST,
	CLEANUP,
	WIRE,
	HERE,
	HELP
};

static const struct option long_options[] = {
	{"dry-run", no_argument, NULL, DRY_RUN},
	{"rounds", required_argument, NULL, ROUNDS},
	{"seconds", required_argument, NULL, SECONDS},
	{"seed", required_argument, NULL, SEED},
	{"output", required_argument, NULL, OUTPUT},
	{"json", no_argument, NULL, JSON},
	{"measures", no_argument, NULL, MEASURES_LIST},
	{"cleanup", no_argument, NULL, CLEANUP},
	{"wire", required_argument, NULL, WIRE},
	{"here", no_argument, NULL, HERE},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static int take(struct run_options *o, int option)
{
	switch (option) {
	case DRY_RUN:
		o->dry_run = true;
		return 0;
	case ROUNDS:
		return number_option(optarg, "rounds", SCENARIO_ROUNDS_MAX, &o->rounds);
	case SECONDS:
		return number_real("seconds", optarg, 0.5, 600, &o->seconds);
	case SEED:
		return number_range("seed", optarg, 0, UINT64_MAX, &o->seed);
	case OUTPUT:
		o->folder = optarg;
		return 0;
	case JSON:
		o->json = true;
		return 0;
	case MEASURES_LIST:
		o->measures = true;
		return 0;
	case CLEANUP:
		o->cleanup = true;
		return 0;
	case WIRE:
		o->wire = optarg;
		return 0;
	case HERE:
		o->here = true;
		return 0;
	case HELP:
		fputs(help, stdout);
		return 1;
	default:
		return -1;
	}
}

static int parse(struct run_options *o, int argc, char **argv)
{
	int option, result;

	*o = (struct run_options){0};
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed >>= 32; /* short enough to be typed again */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		result = option == '?' ? err_set("%s: no such option, or its value is missing",
						 argv[optind - 1])
				       : take(o, option);
		if (result)
			return result;
	}
	if (optind + (o->cleanup || o->measures ? 0 : 1) != argc)
		return err_set(o->cleanup || o->measures ? "no file is taken with this"
							 : "one file is expected");
	o->file = argv[optind];
	return 0;
}

int run_options_parse(struct run_options *o, int argc, char **argv)
{
	int result = parse(o, argc, argv);

	return result < 0 ? err_usage("run") : result;
}
