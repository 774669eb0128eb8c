/* strata peers: the same machine under strata's monitor and under others, compared. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/suite/run.h"
#include "lib/err.h"
#include "lib/number.h"
#include "lib/options.h"
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
	"  --turns N       keep the machines of a mode up side by side, and measure each N times,\n"
	"                  by turns, for what drifts from one second to the next: pairs are judged\n"
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

static int take_monitor(void *into, const char *name, char *text)
{
	struct bench_options *o = into;

	(void)name;
	return subjects_add_monitor(&o->session.sources, text);
}

static int take_quick(void *into, const char *name, char *text)
{
	struct session_options *s = &((struct bench_options *)into)->session;

	(void)name;
	(void)text;
	s->quick = true;
	s->boots = 2;
	s->limits = session_limits(true);
	return 0;
}

static int take_seconds(void *into, const char *name, char *text)
{
	struct bench_limits *l = &((struct bench_options *)into)->session.limits;

	if (number_option(text, name, 3600, &l->seconds))
		return -1;
	l->disk_ms = 1000 * l->seconds;
	return 0;
}

#define AT(field)      offsetof(struct bench_options, field)
#define SESSION(field) offsetof(struct bench_options, session.field)
static const struct option_row rows[] = {
	OPTION(SET, "list", AT(list)),
	OPTION(TEXT, "modes", SESSION(subjects)),
	OPTION(TAKE, "monitor", .take = take_monitor),
	OPTION(TEXT, "wire", SESSION(sources.wire)),
	OPTION(TEXT, "drive", SESSION(sources.drive)),
	OPTION(UNSIGNED, "rounds", SESSION(boots), 1, ROUNDS_MAX / 2),
	OPTION(UNSIGNED, "turns", SESSION(turns), 1, TURNS_MAX),
	OPTION(DO, "quick", .take = take_quick),
	OPTION(UNSIGNED, "requests", SESSION(limits.requests), 1, 1000000),
	OPTION(TAKE, "seconds", .take = take_seconds),
	OPTION(NUMBER, "seed", SESSION(seed), 0, INT64_MAX),
	OPTION(SET, "json", AT(json)),
	OPTION(TEXT, "output", AT(output)),
	OPTION(HELP, "help", .letter = 'h'),
};
static const struct option_table table = OPTIONS(rows, HELP);

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
	int result = options_read(&table, &o, argc, argv, NULL);

	if (result)
		return options_exit(result, "peers");
	o.session.names = argv + optind;
	o.session.name_count = argc - optind;
	progress_start("peers");
	if (o.list)
		result = bench_list(&o.session) ? EXIT_USAGE : EXIT_OK;
	else
		result = bench_run(&o);
	if (result)
		err_print("strata-peers");
	return result;
}
