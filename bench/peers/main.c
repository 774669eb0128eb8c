/* strata peers: the same machine under strata's monitor and under others, compared. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/suite/run.h"
#include "lib/err.h"
#include "lib/number.h"
#include "lib/progress.h"

static const char HELP[] =
	"usage: strata peers [OPTIONS] [BENCHMARK...]\n"
	"\n"
	"Boots the same machine (kernel, initrd, memory, disk, network) under strata-vmm and under\n"
	"QEMU (q35, microvm, and without KVM), in every mode that each has, in random order, round\n"
	"after round, and compares what\n"
	"nginx, iperf3, fio and the boots themselves measured. BENCHMARK is a name or a glob\n"
	"(\"nginx.*\"). Needs root and /dev/kvm.\n"
	"\n"
	"  --list          the benchmarks, and no more\n"
	"  --modes LIST    of none,emulated,virtio,vhost,passthrough (all); with a monitor's name\n"
	"                  (\"qemu-q35:virtio\") of that one\n"
	"  --monitor FILE  another monitor, too: docs/bench.md says what is in the file\n"
	"  --wire CLIENT,CARD\n"
	"                  two network cards on one cable, the second to pass through (in the\n"
	"                  testbed its own)\n"
	"  --drive PCI     an NVMe drive to pass through; what is on it is overwritten\n"
	"  --rounds N      boots of each machine (5)\n"
	"  --quick         two rounds of shorter runs\n"
	"  --requests N    of a latency measurement; ten times as many for throughput (1000)\n"
	"  --seconds S     of each stream and disk run (5)\n"
	"  --seed N        of the random order (from the clock, and printed)\n"
	"  --json          print one JSON document (strata.bench/1) instead of the table\n"
	"  --output FILE   that document (out/peers/result.json); the report lies beside it\n"
	"  --help          this text\n"
	"\n"
	"Ctrl-C ends it after the current step; what was measured until then is told.\n";

#define MODES "none,emulated,virtio,vhost,passthrough"

static const struct option long_options[] = {
	{"list", no_argument, NULL, 'l'},          {"modes", required_argument, NULL, 'm'},
	{"monitor", required_argument, NULL, 'M'}, {"wire", required_argument, NULL, 'w'},
	{"drive", required_argument, NULL, 'd'},   {"rounds", required_argument, NULL, 'r'},
	{"quick", no_argument, NULL, 'q'},         {"requests", required_argument, NULL, 'n'},
	{"seconds", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},          {"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static int take(struct bench_options *o, int c)
{
	struct session_options *s = &o->session;

	switch (c) {
	case 'l':
		o->list = true;
		return 0;
	case 'm':
		s->subjects = optarg;
		return 0;
	case 'M':
		return subjects_add_monitor(&s->sources, optarg);
	case 'w':
		s->sources.wire = optarg;
		return 0;
	case 'd':
		s->sources.drive = optarg;
		return 0;
	case 'r':
		return number_option(optarg, "rounds", ROUNDS_MAX / 2, &s->boots);
	case 'q':
		s->quick = true;
		s->boots = 2;
		s->limits = session_limits(true);
		return 0;
	case 'n':
		return number_option(optarg, "requests", 1000000, &s->limits.requests);
	case 't':
		if (number_option(optarg, "seconds", 3600, &s->limits.seconds))
			return -1;
		s->limits.disk_ms = 1000 * s->limits.seconds;
		return 0;
	case 's':
		s->seed = strtoull(optarg, NULL, 0);
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'o':
		o->output = optarg;
		return 0;
	default:
		return err_set("see --help");
	}
}

/* 0 go on, 1 help was given, -1 wrong usage with a sentence. */
static int parse(struct bench_options *o, int argc, char **argv)
{
	int c, wrong = 0;

	while (!wrong && (c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'h') {
			fputs(HELP, stdout);
			return 1;
		}
		wrong = take(o, c);
	}
	o->session.names = argv + optind;
	o->session.name_count = argc - optind;
	return wrong;
}

int main(int argc, char **argv)
{
	struct bench_options o = {.session = {.seed = (uint64_t)time(NULL),
					      .runs = 2,
					      .boots = 5,
					      .subjects = MODES,
					      .peers = true,
					      .limits = session_limits(false)},
				  .output = "out/peers/result.json",
				  .here = true};
	int result = parse(&o, argc, argv);

	if (result > 0)
		return EXIT_OK;
	progress_start("peers");
	if (result)
		result = EXIT_USAGE;
	else if (o.list)
		result = bench_list(&o.session) ? EXIT_USAGE : EXIT_OK;
	else
		result = bench_run(&o);
	if (result)
		err_print("strata-peers");
	return result;
}
