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
#include "lib/options.h"
#include "lib/version.h"
#include "probes/agent/service.h"
#include "probes/agent/transport.h"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static const char help[] =
	"usage: strata-agent [--memory FILE | --serial DEVICE | --vsock]\n"
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
	"  --version         the version\n";

struct agent_options {
	const char *kind, *where; /* of the way to the host; NULL: whichever there is */
};

static int take_way(void *into, const char *name, char *text)
{
	static const char *const kinds[][2] = {
		{"memory", "ivshmem"}, {"serial", "virtio-serial"}, {"vsock", "vsock"}};
	struct agent_options *o = into;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(name, kinds[i][0]))
			*o = (struct agent_options){kinds[i][1], text};
	return 0;
}

static int show_version(void *into, const char *name, char *text)
{
	(void)into;
	(void)name;
	(void)text;
	puts("strata-agent " STRATA_VERSION);
	return 1;
}

static const struct option_row rows[] = {
	OPTION(TAKE, "memory", .take = take_way),
	OPTION(TAKE, "serial", .take = take_way),
	OPTION(DO, "vsock", .take = take_way),
	OPTION(DO, "version", .take = show_version),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

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
	struct agent_options o = {0};
	int parsed = options_read(&table, &o, argc, argv, NULL);

	if (!parsed && optind < argc)
		parsed = err_set("what is \"%s\"?", argv[optind]);
	if (parsed)
		return options_exit(parsed, "agent");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (serve(o.kind, o.where)) {
		err_print("strata-agent");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
