/* strata peers: the same machine under strata's monitor and under others, compared. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/peers/study.h"
#include "lib/err.h"
#include "lib/progress.h"

static const char PROGRAM[] = "strata-peers";

static const char HELP[] =
	"usage: strata peers [OPTIONS] [BENCHMARK...]\n"
	"\n"
	"Boots the same machine (kernel, initrd, memory, disk, network) under strata-vmm and under\n"
	"QEMU, in every mode that both have, in random order, round after round, and compares what\n"
	"nginx, iperf3, fio and the boots themselves measured. BENCHMARK is a name or a glob\n"
	"(\"nginx.*\"). Needs root and /dev/kvm.\n"
	"\n"
	"  --list          the benchmarks, and no more\n"
	"  --modes LIST    of none,emulated,virtio,vhost (all)\n"
	"  --rounds N      boots of each machine (5)\n"
	"  --quick         two rounds of shorter runs\n"
	"  --requests N    of a latency measurement; four times as many for throughput (500)\n"
	"  --seconds S     of each stream and disk run (4)\n"
	"  --seed N        of the random order (from the clock, and printed)\n"
	"  --json          print one JSON document (strata.bench/1) instead of the table\n"
	"  --output FILE   keep that document in FILE (out/peers/result.json)\n"
	"  --help          this text\n"
	"\n"
	"Ctrl-C ends it after the current step; what was measured until then is told.\n";

static volatile bool stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = true;
}

struct run_options {
	struct study_options study;
	bool json, list;
	const char *output;
};

static int number(const char *text, const char *option, unsigned long max, unsigned int *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v < 1 || v > max)
		return err_set("--%s %s: not a number from 1 to %lu", option, text, max);
	*out = (unsigned int)v;
	return 0;
}

static const struct option long_options[] = {
	{"list", no_argument, NULL, 'l'},
	{"modes", required_argument, NULL, 'm'},
	{"rounds", required_argument, NULL, 'r'},
	{"quick", no_argument, NULL, 'q'},
	{"requests", required_argument, NULL, 'n'},
	{"seconds", required_argument, NULL, 't'},
	{"seed", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* 0 go on, 1 help was given, -1 wrong usage with a sentence (or getopt's own, then ""). */
static int parse(struct run_options *o, int argc, char **argv)
{
	int c, wrong = 0;

	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1 && !wrong) {
		switch (c) {
		case 'l':
			o->list = true;
			break;
		case 'm':
			o->study.modes = optarg;
			break;
		case 'r':
			wrong = number(optarg, "rounds", ROUNDS_MAX, &o->study.rounds);
			break;
		case 'q':
			o->study.rounds = 2;
			o->study.measure = (struct measure_options){200, 2};
			break;
		case 'n':
			wrong = number(optarg, "requests", 1000000, &o->study.measure.requests);
			break;
		case 't':
			wrong = number(optarg, "seconds", 3600, &o->study.measure.seconds);
			break;
		case 's':
			o->study.seed = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			o->json = true;
			break;
		case 'o':
			o->output = optarg;
			break;
		case 'h':
			fputs(HELP, stdout);
			return 1;
		default:
			return err_set("see --help");
		}
	}
	o->study.names = argv + optind;
	o->study.name_count = argc - optind;
	return wrong;
}

static void list(void)
{
	for (unsigned int i = 0; i < measure_count; i++)
		printf("%-24s %-10s %s is better\n", measures[i].name, measures[i].unit,
		       measures[i].higher ? "more" : "less");
}

static int write_document(const struct run_options *o, const struct study *s)
{
	json_t *document = study_json(s);
	int result = 0;

	if (json_dump_file(document, o->output, JSON_INDENT(1) | JSON_REAL_PRECISION(9)))
		result = err_errno("write %s", o->output);
	if (o->json)
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(document);
	return result;
}

static int run(const struct run_options *o)
{
	static struct study s;
	char folder[64];

	if (study_plan(&s, &o->study)) {
		fprintf(stderr, "%s: %s\n", PROGRAM, err_text());
		return 2;
	}
	s.stop = &stop;
	snprintf(folder, sizeof(folder), "out/peers/run-%d", getpid());
	progress("seed %llu", (unsigned long long)o->study.seed);
	if (study_run(&s, folder) || write_document(o, &s) ||
	    (!o->json && study_print(&s, stdout))) {
		fprintf(stderr, "%s: %s\n", PROGRAM, err_text());
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct run_options o = {
		.study = {.rounds = 5, .seed = (uint64_t)time(NULL), .measure = {500, 4}},
		.output = "out/peers/result.json"};
	struct sigaction act = {.sa_handler = on_signal};
	int parsed = parse(&o, argc, argv);

	if (parsed < 0)
		fprintf(stderr, "%s: %s\n", PROGRAM, err_text());
	if (parsed)
		return parsed < 0 ? 2 : 0;
	if (o.list) {
		list();
		return 0;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	progress_start("peers");
	return run(&o);
}
