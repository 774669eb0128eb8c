/* Options of strata-demo. */
#include "scenarios/demo/options.h"

#include <getopt.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/number.h"
#include "scenarios/demo/delay.h"
#include "scenarios/lab/lab.h"

static const char help[] =
	"usage: strata demo [OPTION]...\n"
	"\n"
	"Bring up nginx behind a Linux bridge, send it HTTP requests from a client on the other\n"
	"end of a wire, trace every one of them, and print where the time went. Where this machine\n"
	"cannot run it (no usable KVM, no root) it runs inside the testbed machine, and says so.\n"
	"\n"
	"  --mode MODE      where nginx runs: in a virtual machine whose network card is emulated,\n"
	"                   virtio (the default), vhost or passthrough; in a container; or bare\n"
	"  --requests N     traced requests (300), half on kept-alive, half on new connections\n"
	"  --path PATH      what to ask nginx for (/)\n"
	"  --cpus N         virtual CPUs (1)\n"
	"  --output FOLDER  recording, JSON and logs (out/demo)\n"
	"  --json           print the JSON document instead of the tables\n"
	"  --no-fentry      probes on tracepoints alone\n"
	"  --no-overhead    leave out the untraced rounds that tell what tracing costs\n"
	"  --delay WHERE=MS put a known delay in: client, port, uplink (netem on the client's card,\n"
	"                   the tap, the host's card), vcpu (a real-time task takes the vCPU's CPU\n"
	"                   for MS out of every 4*MS milliseconds)\n"
	"  --wire A,B[,C]   network cards on one cable: the client's, the host's, one to pass\n"
	"                   through (the testbed's, or none)\n"
	"  --switch KIND    bridge (the default) or ovs: Open vSwitch\n"
	"  --here           run on this machine, whatever \"strata doctor\" says of it\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 all is well, 1 something failed, 2 wrong usage.\n";

enum {
	MODE = 256,
	REQUESTS,
	PATH,
	CPUS,
	OUTPUT,
	JSON,
	NO_FENTRY,
	NO_OVERHEAD,
	DELAY,
	WIRE,
	SWITCH,
	HERE,
	HELP
};

static const struct option long_options[] = {
	{"mode", required_argument, NULL, MODE},
	{"requests", required_argument, NULL, REQUESTS},
	{"path", required_argument, NULL, PATH},
	{"cpus", required_argument, NULL, CPUS},
	{"output", required_argument, NULL, OUTPUT},
	{"json", no_argument, NULL, JSON},
	{"no-fentry", no_argument, NULL, NO_FENTRY},
	{"no-overhead", no_argument, NULL, NO_OVERHEAD},
	{"delay", required_argument, NULL, DELAY},
	{"wire", required_argument, NULL, WIRE},
	{"switch", required_argument, NULL, SWITCH},
	{"here", no_argument, NULL, HERE},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static int parse_mode(struct demo_options *o, const char *text)
{
	o->place = place_by_name(text);
	if (o->place != PLACE_NONE)
		return 0;
	return err_set("--mode %s: expected emulated, virtio, vhost, passthrough, container or "
		       "bare",
		       text);
}

static int parse_one(struct demo_options *o, int option)
{
	switch (option) {
	case MODE:
		return parse_mode(o, optarg);
	case REQUESTS:
		return number_int("requests", optarg, 1, 1000000, &o->requests);
	case CPUS:
		return number_int("cpus", optarg, 1, 64, &o->cpus);
	case PATH:
		o->path = optarg;
		return 0;
	case OUTPUT:
		o->folder = optarg;
		return 0;
	case DELAY:
		o->delay = optarg;
		return 0;
	case SWITCH:
		return lab_switch_parse(&o->ovs, optarg);
	case WIRE:
		o->wire = optarg;
		return 0;
	case JSON:
		o->json = true;
		return 0;
	case NO_FENTRY:
		o->no_fentry = true;
		return 0;
	case NO_OVERHEAD:
		o->no_overhead = true;
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

static int parse(struct demo_options *o, int argc, char **argv)
{
	int option, result;

	*o = (struct demo_options){.place = PLACE_VIRTIO,
				   .cpus = 1,
				   .requests = 300,
				   .path = "/",
				   .folder = "out/demo"};
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		result = option == '?' ? err_set("%s: no such option, or its value is missing",
						 argv[optind - 1])
				       : parse_one(o, option);
		if (result)
			return result;
	}
	if (optind < argc)
		return err_set("%s: no such argument", argv[optind]);
	if (o->path[0] != '/')
		return err_set("--path %s: a path begins with /", o->path);
	return o->delay ? delay_check(o->delay) : 0;
}

int demo_options_parse(struct demo_options *o, int argc, char **argv)
{
	int result = parse(o, argc, argv);

	return result < 0 ? err_usage("demo") : result;
}
