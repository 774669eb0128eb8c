/* Options of strata-demo. */
#include "scenarios/demo/options.h"

#include <getopt.h>

#include "lib/err.h"
#include "lib/options.h"
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

#define AT(field) offsetof(struct demo_options, field)
static const struct option_row rows[] = {
	OPTION(TAKE, "mode", AT(place), .take = lab_take_mode),
	OPTION(INT, "requests", AT(requests), 1, 1000000),
	OPTION(TEXT, "path", AT(path)),
	OPTION(INT, "cpus", AT(cpus), 1, 64),
	OPTION(TEXT, "output", AT(folder)),
	OPTION(SET, "json", AT(json)),
	OPTION(SET, "no-fentry", AT(no_fentry)),
	OPTION(SET, "no-overhead", AT(no_overhead)),
	OPTION(TEXT, "delay", AT(delay)),
	OPTION(TEXT, "wire", AT(wire)),
	OPTION(TAKE, "switch", AT(ovs), .take = lab_take_switch),
	OPTION(SET, "here", AT(here)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

static int parse(struct demo_options *o, int argc, char **argv)
{
	int result;

	*o = (struct demo_options){.place = PLACE_VIRTIO,
				   .cpus = 1,
				   .requests = 300,
				   .path = "/",
				   .folder = "out/demo"};
	result = options_read(&table, o, argc, argv, NULL);
	if (result)
		return result;
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
