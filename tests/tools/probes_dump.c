/*
 * Prints what libprobes sees, one line per event: a tool for its tests, and for development.
 *
 *   probes_dump --port 80 --device NAME:ROLE[:NETNS] ... [--wire N] [--nginx PATH]
 *               [--vm PID [--vcpu TID]... [--kick GPA:QUEUE]...] [--ring BYTES] [--seconds S]
 *               [--no-fentry] [--stats] [--quiet]
 *
 * ROLE is client, uplink, port, server, bare, own, macvtap or peer; NETNS a name under
 * /run/netns. Prints "ready" once attached; ends after S seconds, on SIGINT or SIGTERM. An
 * event's line:
 *
 *   event TIME HOP FLOW SEQ LEN FLAGS CPU DEVICE CLIENT_PORT SERVER_PORT TID ARG64 PACKET QUEUE
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/probes.h"

static const char *const role_names[ROLE_COUNT] = {
	"none", "client", "uplink", "port", "server", "bare", "own", "macvtap", "peer"};
static volatile sig_atomic_t ended;

struct totals {
	bool quiet;
	uint64_t events;
	uint64_t wires;
	uint64_t per_hop[EVENT_KINDS];
};

static void on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

static const char *kind_name(unsigned int kind)
{
	return event_kind_name((int)kind);
}

static void on_event(struct totals *t, const struct strata_event *e)
{

	t->events++;
	t->per_hop[e->hop < EVENT_KINDS ? e->hop : CONTEXT_VCPU_OUT]++;
	if (t->quiet)
		return;
	printf("event %" PRIu64 " %s %016" PRIx64 " %u %u %u %u %u %u %u %u %" PRIx64
	       " %" PRIx64 " %u\n",
	       (uint64_t)e->time_ns, kind_name(e->hop), (uint64_t)e->flow, e->seq, e->len,
	       e->flags, e->cpu, e->device, e->client_port, e->server_port, e->tid,
	       (uint64_t)e->arg64, (uint64_t)e->packet, e->queue);
}

static void on_events(void *ctx, const struct strata_event *e, size_t count)
{
	for (size_t i = 0; i < count; i++)
		on_event(ctx, &e[i]);
}

static void on_wire(void *ctx, const struct strata_wire *w)
{
	struct totals *t = ctx;

	t->wires++;
	if (t->quiet)
		return;
	int line = (int)strcspn((const char *)w->payload, "\r\n");

	printf("wire %" PRIu64 " %s %016" PRIx64 " %u %u %u %.*s\n", (uint64_t)w->event.time_ns,
	       hop_table[w->event.hop].name, (uint64_t)w->event.flow, w->event.seq,
	       w->event.len, w->captured, line < w->captured ? line : w->captured,
	       (const char *)w->payload);
}

/* Look a device up in its network namespace. */
static int find_device(struct probes_device *d, const char *netns)
{
	char path[128] = "/proc/self/ns/net";
	struct stat st;
	int own = open(path, O_RDONLY | O_CLOEXEC), fd;

	if (netns)
		snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 || fd < 0 || fstat(fd, &st) || (netns && setns(fd, CLONE_NEWNET)))
		return err_errno("cannot enter the network namespace %s", path);
	d->netns = (uint32_t)st.st_ino;
	d->ifindex = if_nametoindex(d->name);
	if (!d->ifindex)
		err_errno("no device %s in %s", d->name, path);
	if (netns && setns(own, CLONE_NEWNET))
		return err_errno("cannot return to this network namespace");
	close(own);
	close(fd);
	return d->ifindex ? 0 : -1;
}

static int add_device(struct probes_config *c, char *text)
{
	struct probes_device *d = &c->devices[c->device_count];
	char *save = NULL, *name = strtok_r(text, ":", &save);
	char *role = strtok_r(NULL, ":", &save), *netns = strtok_r(NULL, ":", &save);
	char path[64];

	if (!name || !role || c->device_count == PROBES_DEVICES_MAX)
		return err_set("--device wants NAME:ROLE[:NETNS]");
	snprintf(d->name, sizeof(d->name), "%s", name);
	for (int i = 1; i < ROLE_COUNT; i++)
		if (!strcmp(role, role_names[i]))
			d->role = (enum device_role)i;
	if (d->role == ROLE_NONE)
		return err_set("no such role: %s", role);
	snprintf(path, sizeof(path), "/sys/class/net/%s/brport", name);
	d->bridged = !access(path, F_OK);
	d->index = (uint8_t)++c->device_count;
	return find_device(d, netns);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void print_report(struct probes *p, const struct totals *t)
{
	const struct probe_report *r;
	size_t n = probes_report(p, &r);

	for (size_t i = 0; i < n; i++)
		printf("probe %s %s %" PRIu64 " %.0f %s\n", r[i].name,
		       r[i].attached ? "attached" : "missing", r[i].runs,
		       r[i].runs ? (double)r[i].run_time_ns / (double)r[i].runs : 0.0,
		       r[i].why_not);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		bool inferred;

		if (probes_hop_in_force(p, (enum strata_hop)hop, &inferred))
			printf("hop %s %s %" PRIu64 "\n", hop_table[hop].name,
			       inferred ? "inferred" : "exact", t->per_hop[hop]);
	}
	printf("total events %" PRIu64 " wire %" PRIu64 " lost %" PRIu64 "\n", t->events,
	       t->wires, probes_lost(p));
}

static int run(const struct probes_config *c, struct totals *t, double seconds)
{
	struct probes_callbacks cb = {.events = on_events, .wire = on_wire, .ctx = t};
	double start = now_s(), end;
	struct probes *p = probes_open(c, &cb);

	if (!p)
		return -1;
	printf("ready %.3f\n", now_s() - start);
	end = now_s() + seconds;
	while (!ended && now_s() < end) {
		if (probes_poll(p) < 0)
			break;
		fflush(stdout);
		usleep(5000);
	}
	probes_poll(p);
	print_report(p, t);
	start = now_s();
	probes_close(p);
	printf("closed %.3f\n", now_s() - start);
	return 0;
}

static int parse(int argc, char **argv, struct probes_config *c, struct totals *t,
		 double *seconds)
{
	static const struct option options[] = {
		{"port", required_argument, NULL, 'p'},
		{"device", required_argument, NULL, 'd'},
		{"wire", required_argument, NULL, 'w'},
		{"nginx", required_argument, NULL, 'n'},
		{"vm", required_argument, NULL, 'v'},
		{"vcpu", required_argument, NULL, 'c'},
		{"kick", required_argument, NULL, 'k'},
		{"ring", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 's'},
		{"no-fentry", no_argument, NULL, 'f'},
		{"stats", no_argument, NULL, 'S'},
		{"quiet", no_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		struct probes_vm *vm = &c->vms[0];
		char *end;

		switch (o) {
		case 'p':
			c->ports[c->port_count++] = (uint16_t)atoi(optarg);
			break;
		case 'd':
			if (add_device(c, optarg))
				return -1;
			break;
		case 'w':
			c->wire_device = (uint32_t)atoi(optarg);
			break;
		case 'v':
			c->vm_count = 1;
			vm->vm = 1;
			vm->tgid = (uint32_t)atoi(optarg);
			break;
		case 'c':
			vm->vcpu_tids[vm->vcpus++] = (uint32_t)atoi(optarg);
			break;
		case 'k':
			vm->kicks[vm->kick_count].gpa = strtoull(optarg, &end, 0);
			vm->kicks[vm->kick_count++].queue = *end ? (uint16_t)atoi(end + 1) : 0;
			break;
		case 'n':
			c->nginx_path = optarg;
			break;
		case 'r':
			c->ring_bytes = strtoul(optarg, NULL, 0);
			break;
		case 's':
			*seconds = atof(optarg);
			break;
		case 'f':
			c->no_fentry = true;
			break;
		case 'S':
			c->stats = true;
			break;
		case 'q':
			t->quiet = true;
			break;
		default:
			return err_set("see the head of tests/tools/probes_dump.c");
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct probes_config c = {
		.server_netns_fd = -1, .wire_device = ~0u, .wire_netns_fd = -1};
	struct totals t = {0};
	double seconds = 3600;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (parse(argc, argv, &c, &t, &seconds)) {
		err_print("probes_dump");
		return EXIT_USAGE;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	if (run(&c, &t, seconds)) {
		err_print("probes_dump");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
