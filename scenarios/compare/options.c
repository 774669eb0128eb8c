/* Options of strata compare. */
#include "scenarios/compare/options.h"

#include <getopt.h>
#include <string.h>
#include <sys/random.h>

#include "lib/err.h"
#include "lib/options.h"
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

static int take_quick(void *into, const char *name, char *text)
{
	struct compare_options *o = into;

	(void)name;
	(void)text;
	o->rounds = 6;
	o->requests = 30;
	return 0;
}

#define AT(field) offsetof(struct compare_options, field)
static const struct option_row rows[] = {
	OPTION(TAKE, "baseline", AT(baseline), .take = lab_take_mode),
	OPTION(INT, "requests", AT(requests), 2, 10000),
	OPTION(INT, "rounds", AT(rounds), 2, COMPARE_ROUNDS_MAX),
	OPTION(NUMBER, "seed", AT(seed), 0, UINT64_MAX),
	OPTION(DO, "quick", .take = take_quick),
	OPTION(CLEAR, "no-twin", AT(twin)),
	OPTION(INT, "cpus", AT(cpus), 1, 64),
	OPTION(TEXT, "path", AT(path)),
	OPTION(TEXT, "output", AT(folder)),
	OPTION(SET, "json", AT(json)),
	OPTION(TEXT, "wire", AT(wire)),
	OPTION(TAKE, "switch", AT(ovs), .take = lab_take_switch),
	OPTION(SET, "here", AT(here)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

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
		if (lab_take_mode(&place, NULL, argv[i]))
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
	int result;

	*o = (struct compare_options){.requests = 100,
				      .rounds = 8,
				      .cpus = 1,
				      .twin = true,
				      .path = "/",
				      .folder = "out/compare"};
	if (getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		o->seed = 1;
	o->seed >>= 32; /* short enough to be typed again */
	result = options_read(&table, o, argc, argv, NULL);
	if (result)
		return result;
	if (o->path[0] != '/')
		return err_set("--path %s: a path begins with /", o->path);
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
