/*
 * strata-agent: runs in a guest, where it puts probes on the kernel and on nginx while the host
 * asks for it, and hands what they see to the host through shared memory or a stream.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/err.h"
#include "lib/version.h"
#include "probes/agent/service.h"
#include "probes/agent/transport.h"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void usage(FILE *f)
{
	fputs("usage: strata-agent [--memory FILE | --serial DEVICE | --vsock]\n"
	      "\n"
	      "Runs as root in a guest. Waits, at next to no cost, until the host asks for\n"
	      "events; then attaches eBPF probes to the kernel and to nginx and writes what\n"
	      "they see to the memory that the host shares, or to a stream: an ivshmem device,\n"
	      "a virtio-serial port called strata.agent, a vsock, whichever there is first.\n"
	      "\n"
	      "  --memory FILE     share this file instead of an ivshmem device's memory\n"
	      "  --serial DEVICE   use this port (/dev/vport1p1)\n"
	      "  --vsock           use the vsock, even if there is something else\n"
	      "  --help            this text\n"
	      "  --version         the version\n",
	      f);
}

static void sleep_us(unsigned int us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	nanosleep(&ts, NULL);
}

static int serve(const char *kind, const char *where)
{
	struct transport t;
	struct service s;
	struct utsname u;

	if (transport_open(&t, kind, where))
		return -1;
	if (service_create(&s, t.memory.bytes, t.memory.size) || transport_start(&t)) {
		err_add("%s", t.memory.path);
		transport_close(&t);
		return -1;
	}
	uname(&u);
	fprintf(stderr, "strata-agent: ready on %s: %u events fit into %s\n", u.release,
		s.ring.capacity, t.memory.path);
	while (!ended) {
		unsigned int pause_us = service_turn(&s);

		transport_turn(&t);
		sleep_us(pause_us);
	}
	service_end(&s);
	transport_turn(&t);
	transport_close(&t);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"memory", required_argument, NULL, 'm'},
		{"serial", required_argument, NULL, 's'},
		{"vsock", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	const char *kind = NULL, *where = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'm':
			kind = "ivshmem";
			where = optarg;
			break;
		case 's':
			kind = "virtio-serial";
			where = optarg;
			break;
		case 'k':
			kind = "vsock";
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
	if (serve(kind, where)) {
		err_print("strata-agent");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
