/* Options of strata run. */
#include "scenarios/run/options.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/random.h>

#include "lib/err.h"
#include "lib/options.h"
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

#define AT(field) offsetof(struct run_options, field)
static const struct option_row rows[] = {
	OPTION(SET, "dry-run", AT(dry_run)),
	OPTION(UNSIGNED, "rounds", AT(rounds), 1, SCENARIO_ROUNDS_MAX),
	OPTION(REAL, "seconds", AT(seconds), .low = 0.5, .high = 600),
	OPTION(NUMBER, "seed", AT(seed), 0, UINT64_MAX),
	OPTION(TEXT, "output", AT(folder)),
	OPTION(SET, "json", AT(json)),
	OPTION(SET, "measures", AT(measures)),
	OPTION(SET, "cleanup", AT(cleanup)),
	OPTION(TEXT, "wire", AT(wire)),
	OPTION(SET, "here", AT(here)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

static int parse(struct run_options *o, int argc, char **argv)
{
	int result;

	*o = (struct run_options){0};
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed >>= 32; /* short enough to be typed again */
	result = options_read(&table, o, argc, argv, NULL);
	if (result)
		return result;
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
