/*
 * strata-agent: runs in a guest, where it puts probes on the kernel and on nginx while the host
 * asks for it, and hands what they see to the host through shared memory.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/err.h"
#include "lib/version.h"
#include "probes/agent/memory.h"
#include "probes/agent/service.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void usage(FILE *f)
{
	fputs("usage: strata-agent [--memory FILE]\n"
	      "\n"
	      "Runs as root in a guest. Waits, at next to no cost, until the host asks for\n"
	      "events; then attaches eBPF probes to the kernel and to nginx and writes what\n"
	      "they see to the memory that the host shares.\n"
	      "\n"
	      "  --memory FILE   share this file instead of an ivshmem device's memory\n"
	      "  --help          this text\n"
	      "  --version       the version\n",
	      f);
}

static void sleep_us(unsigned int us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	nanosleep(&ts, NULL);
}

static int serve(const char *file)
{
	struct memory m;
	struct service s;
	struct utsname u;

	if (file ? memory_open(&m, file) : memory_find(&m, PCI_DEVICES))
		return -1;
	if (service_create(&s, m.bytes, m.size)) {
		memory_close(&m);
		return err_add("%s", m.path);
	}
	uname(&u);
	fprintf(stderr, "strata-agent: ready on %s: %u events fit into %s\n", u.release,
		s.ring.capacity, m.path);
	while (!ended)
		sleep_us(service_turn(&s));
	service_end(&s);
	memory_close(&m);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"memory", required_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'm':
			file = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 'v':
			puts("strata-agent " STRATA_VERSION);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "strata-agent: what is \"%s\"?\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (serve(file)) {
		err_print("strata-agent");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
