/* Options of strata compare. */
#include "scenarios/compare/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/err.h"
#include "lib/number.h"
#include "scenarios/lab/lab.h"

static const char help[] =
	"usage: strata compare [OPTION]... [MODE]...\n"
	"\n"
	"Put the same nginx behind the same wire in several ways at once, send each the same\n"
	"requests in turn, and print one table: layers as rows, modes as columns, each difference\n"
	"marked as significant or not. Where this machine cannot run it, it runs inside the\n"
	"testbed machine.\n"
	"\n"
	"MODE is emulated, virtio, vhost, passthrough, container or bare; without one, the first\n"
	"four.\n"
	"\n"
	"  --baseline MODE  what the others are compared with (the first)\n"
	"  --requests N     per block: N untraced and N traced (100)\n"
	"  --rounds N       blocks of each mode (8)\n"
	"  --seed N         of the order of blocks and the resampling (random, and printed)\n"
	"  --quick          6 rounds of 30 requests\n"
	"  --no-twin        leave out the second machine of one mode that shows how much equals\n"
	"                   differ\n"
	"  --cpus N         virtual CPUs of each machine (1)\n"
	"  --path PATH      what to ask nginx for (/)\n"
	"  --output FOLDER  recordings, logs and compare.json (out/compare)\n"
	"  --json           print the JSON document, schema strata.compare/1, instead of the table\n"
	"  --wire A,B[,C]   network cards on one cable: the client's, the host's, one to pass\n"
	"                   through (the testbed's, or none)\n"
	"  --switch KIND    bridge (the default) or ovs: Open vSwitch\n"
	"  --here           run on this machine, whatever \"strata doctor\" says of it\n"
	"  --help           this text\n"
	"\n"
	"Ctrl-C ends it after the current step; what was measured until then is told.\n"
	"\n"
	"Exit status: 0 all is well, 1 nothing could be compared, 2 wrong usage.\n";

enum {
	BASELINE = 256,
	REQUESTS,
	ROUNDS,
	SEED,
	QUICK,
	NO_TWIN,
	CPUS,
	PATH,
	OUTPUT,
	JSON,
	WIRE,
	SWITCH,
	HERE,
	HELP
};

static const struct option long_options[] = {
	{"baseline", required_argument, NULL, BASELINE},
	{"requests", required_argument, NULL, REQUESTS},
	{"rounds", required_argument, NULL, ROUNDS},
	{"seed", required_argument, NULL, SEED},
	{"quick", no_argument, NULL, QUICK},
	{"no-twin", no_argument, NULL, NO_TWIN},
	{"cpus", required_argument, NULL, CPUS},
	{"path", required_argument, NULL, PATH},
	{"output", required_argument, NULL, OUTPUT},
	{"json", no_argument, NULL, JSON},
	{"wire", required_argument, NULL, WIRE},
	{"switch", required_argument, NULL, SWITCH},
	{"here", no_argument, NULL, HERE},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static int mode(const char *text, enum strata_place *out)
{
	*out = place_by_name(text);
	return *out == PLACE_NONE
		       ? err_set("%s: expected emulated, virtio, vhost, passthrough, "
				 "container or bare",
				 text)
		       : 0;
}

static int parse_one(struct compare_options *o, int option)
{
	switch (option) {
	case BASELINE:
		return mode(optarg, &o->baseline);
	case REQUESTS:
		return number_int("requests", optarg, 2, 10000, &o->requests);
	case ROUNDS:
		return number_int("rounds", optarg, 2, COMPARE_ROUNDS_MAX, &o->rounds);
	case SEED:
		return number_range("seed", optarg, 0, UINT64_MAX, &o->seed);
	case QUICK:
		o->rounds = 6;
		o->requests = 30;
		return 0;
	case NO_TWIN:
		o->twin = false;
		return 0;
	case CPUS:
		return number_int("cpus", optarg, 1, 64, &o->cpus);
	case PATH:
		o->path = optarg;
		return *optarg == '/' ? 0 : err_set("--path %s: a path begins with /", optarg);
	case OUTPUT:
		o->folder = optarg;
		return 0;
	case JSON:
		o->json = true;
		return 0;
	case SWITCH:
		return lab_switch_parse(&o->ovs, optarg);
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

static bool has_mode(const struct compare_options *o, enum strata_place place)
{
	for (int i = 0; i < o->mode_count; i++)
		if (o->modes[i] == place)
			return true;
	return false;
}

static int add_modes(struct compare_options *o, int argc, char **argv)
{
	static const enum strata_place usual[] = {PLACE_EMULATED, PLACE_VIRTIO, PLACE_VHOST,
						  PLACE_PASSTHROUGH};
	enum strata_place place;

	for (int i = optind; i < argc; i++) {
		if (mode(argv[i], &place))
			return -1;
		if (has_mode(o, place))
			return err_set("%s is given twice", argv[i]);
		o->modes[o->mode_count++] = place;
	}
	if (o->mode_count)
		return 0;
	memcpy(o->modes, usual, sizeof(usual));
	o->mode_count = sizeof(usual) / sizeof(*usual);
	return 0;
}

static int parse(struct compare_options *o, int argc, char **argv)
{
	int option, result;

	*o = (struct compare_options){.requests = 100,
				      .rounds = 8,
				      .cpus = 1,
				      .twin = true,
				      .path = "/",
				      .folder = "out/compare"};
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed >>= 32; /* short enough to be typed again */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		result = option == '?' ? err_set("%s: no such option, or its value is missing",
						 argv[optind - 1])
				       : parse_one(o, option);
		if (result)
			return result;
	}
	if (add_modes(o, argc, argv))
		return -1;
	if (o->baseline == PLACE_NONE)
		o->baseline = o->modes[0];
	if (!has_mode(o, o->baseline))
		return err_set("--baseline %s is none of the modes", place_name(o->baseline));
	return o->mode_count < 2 ? err_set("a comparison needs two modes") : 0;
}

int compare_options_parse(struct compare_options *o, int argc, char **argv)
{
	int result = parse(o, argc, argv);

	return result < 0 ? err_usage("compare") : result;
}
