/* Options of strata-trace. */
#include "tracer/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"

#define FLIGHT_BYTES_MIN (1u << 20)

static const char help[] =
	"usage: strata trace [OPTION]... [-- COMMAND [ARG]...]\n"
	"       strata trace --read RECORDING [FILTER]... [--json] [--protocol NAME]\n"
	"       strata trace --hops\n"
	"\n"
	"Trace every request to a server, through the host, the vSwitch, the VMM, KVM and the guest\n"
	"where there are such, until COMMAND ends, or for a time, or until Ctrl-C; then print one\n"
	"typical request hop by hop, and where the time of all of them went. Needs root.\n"
	"\n"
	"What is traced\n"
	"  --vm SOCKET            a strata VM, by its control socket; its network card's mode, its\n"
	"                         tap's bridge and uplink are found from there\n"
	"  --pid PID              anyone's VM, by its VMM's process (QEMU, or any on KVM that has taps):\n"
	"                         its vCPUs, taps and vhost workers are found from there\n"
	"  --agent ADDRESS        how to reach the agent in the VM of the --pid before, if that is not\n"
	"                         found: unix:PATH (a virtio-serial port's socket), vsock:CID,\n"
	"                         file:PATH (an ivshmem device's memory); none: leave it alone\n"
	"  --server PID           a server that runs on this kernel: nginx in a network namespace\n"
	"                         behind a bridge, or (with --bare) on a device of ours\n"
	"  --container NAME|PID   whoever serves in that container (docker, podman, nerdctl, lxc,\n"
	"                         systemd-machined), or in that process's\n"
	"  --netns NAME|FILE|PID  whoever serves in that network namespace\n"
	"  --client [PID:]DEVICE  the client's device, if the client is on this machine too;\n"
	"                         PID is a process in its network namespace\n"
	"  --uplink [PID:]DEVICE  the host's NIC, if the bridge does not tell\n"
	"  --bare [PID:]DEVICE    the NIC that the server uses without a bridge between\n"
	"  --port N               the server's TCP port (80); up to 8 times; alone: whoever listens\n"
	"                         there on this machine\n"
	"  --protocol NAME        what is spoken there: http; ping-pong, requests and replies that take\n"
	"                         turns, whatever they say; or auto (the default): http, where a\n"
	"                         connection begins so, else ping-pong\n"
	"\n"
	"Which requests (FILTER; while tracing and with --read)\n"
	"  --filter EXPRESSION    connections that this is true of, as tcpdump takes it: hosts,\n"
	"                         networks, ports; decided in the kernel, once for all hops\n"
	"  --sample 1/N           one connection in N; decided in the kernel\n"
	"  --slower-than TIME     that took longer, as 5ms, 250us, 1s\n"
	"  --status STATUS        answered so, as 404 or 5xx; several with commas\n"
	"  --path PATTERN         of that path, as '/api/*'\n"
	"  --vm NAME              with --read: of that VM\n"
	"\n"
	"How\n"
	"  --output FILE          the recording (out/trace/trace.strata)\n"
	"  --flight-recorder SIZE keep no more than SIZE on disk (as 256M): what is around requests that\n"
	"                         the filter wants, as --slower-than 5ms, and the latest of all\n"
	"  --read FILE            analyse that recording, trace nothing\n"
	"  --duration SECONDS     stop after that time\n"
	"  --no-uprobes           none on nginx: the two dearest probes; nginx is timed from its reading\n"
	"                         to its writing\n"
	"  --uprobe-limit N       take them off after N requests within a second, for there they cost\n"
	"                         more than all the others (1000); 0: never\n"
	"  --no-fentry            probes on tracepoints alone\n"
	"  --backend ebpf|pcap    pcap: no eBPF, but libpcap on every device (any kernel): coarse layers\n"
	"  --stats                have the kernel time the probes themselves\n"
	"\n"
	"Output\n"
	"  --record-only          write the recording; analyse and print nothing\n"
	"  --json                 one JSON document, schema strata.trace/1; COMMAND's output goes\n"
	"                         to stderr\n"
	"  --requests             with --json: every request too\n"
	"  --hops                 explain all hops, layer by layer, and trace nothing\n"
	"  --help                 this text\n"
	"\n"
	"Exit status: 0 all is well, 1 something failed, 2 wrong usage.\n";

/* Two traps of some microseconds each: a few per cent of one processor. */
#define UPROBE_LIMIT_DEFAULT 1000

enum {
	VM = 256,
	PID,
	AGENT,
	SERVER,
	CONTAINER,
	NETNS,
	CLIENT,
	UPLINK,
	BARE,
	PORT,
	PROTOCOL,
	FILTER,
	OUTPUT,
	FLIGHT,
	READ,
	DURATION,
	NO_FENTRY,
	BACKEND,
	NO_UPROBES,
	UPROBE_LIMIT,
	STATS,
	RECORD_ONLY,
	JSON,
	REQUESTS,
	HOPS,
	HELP
};

static const struct option long_options[] = {
	{"vm", required_argument, NULL, VM},
	{"pid", required_argument, NULL, PID},
	{"agent", required_argument, NULL, AGENT},
	{"server", required_argument, NULL, SERVER},
	{"container", required_argument, NULL, CONTAINER},
	{"netns", required_argument, NULL, NETNS},
	{"client", required_argument, NULL, CLIENT},
	{"uplink", required_argument, NULL, UPLINK},
	{"bare", required_argument, NULL, BARE},
	{"port", required_argument, NULL, PORT},
	{"protocol", required_argument, NULL, PROTOCOL},
	{"filter", required_argument, NULL, FILTER},
	{"sample", required_argument, NULL, FILTER},
	{"slower-than", required_argument, NULL, FILTER},
	{"status", required_argument, NULL, FILTER},
	{"path", required_argument, NULL, FILTER},
	{"output", required_argument, NULL, OUTPUT},
	{"flight-recorder", required_argument, NULL, FLIGHT},
	{"read", required_argument, NULL, READ},
	{"duration", required_argument, NULL, DURATION},
	{"no-uprobes", no_argument, NULL, NO_UPROBES},
	{"uprobe-limit", required_argument, NULL, UPROBE_LIMIT},
	{"no-fentry", no_argument, NULL, NO_FENTRY},
	{"backend", required_argument, NULL, BACKEND},
	{"stats", no_argument, NULL, STATS},
	{"record-only", no_argument, NULL, RECORD_ONLY},
	{"json", no_argument, NULL, JSON},
	{"requests", no_argument, NULL, REQUESTS},
	{"hops", no_argument, NULL, HOPS},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static int wrong(const char *option, const char *text, const char *expected)
{
	return err_set("--%s %s: expected %s", option, text, expected);
}

static int parse_device(struct trace_options *o, const char *option, char *text,
			enum device_role role)
{
	struct trace_device *d = &o->devices[o->device_count];
	char *colon = strchr(text, ':'), *end;

	if (o->device_count == TRACE_DEVICES_MAX)
		return err_set("at most %d devices can be named", TRACE_DEVICES_MAX);
	*d = (struct trace_device){.name = text, .role = role};
	if (colon) {
		long pid = strtol(text, &end, 10);

		if (end != colon || pid < 1 || pid > 1 << 22)
			return wrong(option, text, "DEVICE or PID:DEVICE");
		d->pid = (pid_t)pid;
		d->name = colon + 1;
	}
	if (!d->name[0] || strlen(d->name) > 15)
		return wrong(option, text, "a device's name of 1 to 15 characters");
	o->device_count++;
	return 0;
}

static int parse_vm(struct trace_options *o, const char *path)
{
	if (o->vm_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	o->vms[o->vm_count++] = path;
	return 0;
}

static int parse_port(struct trace_options *o, const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (end == text || *end || port < 1 || port > 65535)
		return wrong("port", text, "a TCP port from 1 to 65535");
	if (o->port_count == PROBES_PORTS_MAX)
		return err_set("at most %d ports can be traced at once", PROBES_PORTS_MAX);
	o->ports[o->port_count++] = (uint16_t)port;
	return 0;
}

static int parse_protocol(struct trace_options *o, const char *text)
{
	o->protocol = text;
	return protocol_by_name(text) < 0 ? wrong("protocol", text, "http, ping-pong or auto")
					  : 0;
}

static int parse_process(const char *option, const char *text, pid_t *process)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (end == text || *end || pid < 1 || pid > 1 << 22)
		return wrong(option, text, "a process id");
	*process = (pid_t)pid;
	return 0;
}

static int parse_pid(struct trace_options *o, const char *text)
{
	if (o->vm_count + o->pid_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	return parse_process("pid", text, &o->pids[o->pid_count++]);
}

static int parse_backend(struct trace_options *o, const char *text)
{
	o->backend = text;
	o->pcap = !strcmp(text, "pcap");
	return o->pcap || !strcmp(text, "ebpf") ? 0 : wrong("backend", text, "ebpf or pcap");
}

static int parse_agent(struct trace_options *o, const char *text)
{
	if (!o->pid_count)
		return err_set("--agent stands behind the --pid whose agent it is");
	o->agents[o->pid_count - 1] = text;
	return 0;
}

static int parse_duration(struct trace_options *o, const char *text)
{
	char *end;

	o->seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(o->seconds) || o->seconds <= 0)
		return wrong("duration", text, "a number of seconds greater than 0");
	return 0;
}

static int parse_uprobe_limit(struct trace_options *o, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 0 || n > 1000000000)
		return wrong("uprobe-limit", text, "a number of requests; 0: none");
	o->uprobe_limit = (unsigned int)n;
	return 0;
}

static int parse_flight(struct trace_options *o, const char *text)
{
	if (units_parse_bytes(text, &o->flight_bytes))
		return err_add("--flight-recorder");
	return o->flight_bytes >= FLIGHT_BYTES_MIN
		       ? 0
		       : wrong("flight-recorder", text, "1M or more");
}

static int parse_one(struct trace_options *o, int option, const char *name)
{
	switch (option) {
	case VM:
		return parse_vm(o, optarg);
	case PID:
		return parse_pid(o, optarg);
	case AGENT:
		return parse_agent(o, optarg);
	case SERVER:
		return parse_process("server", optarg, &o->server);
	case CONTAINER:
		o->container = optarg;
		return 0;
	case NETNS:
		o->netns = optarg;
		return 0;
	case CLIENT:
		return parse_device(o, "client", optarg, ROLE_CLIENT);
	case UPLINK:
		return parse_device(o, "uplink", optarg, ROLE_UPLINK);
	case BARE:
		return parse_device(o, "bare", optarg, ROLE_BARE);
	case PORT:
		return parse_port(o, optarg);
	case PROTOCOL:
		return parse_protocol(o, optarg);
	case FILTER:
		return filter_set(&o->filter, name, optarg);
	case DURATION:
		return parse_duration(o, optarg);
	case FLIGHT:
		return parse_flight(o, optarg);
	case OUTPUT:
		o->output = optarg;
		return 0;
	case READ:
		o->read = optarg;
		return 0;
	case NO_UPROBES:
		o->no_uprobes = true;
		return 0;
	case UPROBE_LIMIT:
		return parse_uprobe_limit(o, optarg);
	case BACKEND:
		return parse_backend(o, optarg);
	case NO_FENTRY:
		o->no_fentry = true;
		return 0;
	case STATS:
		o->stats = true;
		return 0;
	case RECORD_ONLY:
		o->record_only = true;
		return 0;
	case JSON:
		o->json = true;
		return 0;
	case HOPS:
		o->hops = true;
		return 0;
	case REQUESTS:
		o->list = true;
		return 0;
	default:
		return err_set("wrong option");
	}
}

static bool names_role(const struct trace_options *o, enum device_role role)
{
	for (unsigned int i = 0; i < o->device_count; i++)
		if (o->devices[i].role == role)
			return true;
	return false;
}

/* How many ways of saying what to trace were used: VMs count as one, as do bare devices. */
static int ways(const struct trace_options *o)
{
	return (o->vm_count + o->pid_count > 0) + names_role(o, ROLE_BARE) + (o->server > 0) +
	       (o->container != NULL) + (o->netns != NULL);
}

/* What no option can check alone. */
static int check(struct trace_options *o)
{
	bool bare_server = o->server && names_role(o, ROLE_BARE);

	if (o->hops)
		return 0;
	if (o->read && o->vm_count) /* there it is a name */
		if (filter_set(&o->filter, "vm", o->vms[--o->vm_count]))
			return -1;
	if (o->read)
		return ways(o) || o->port_given || o->device_count || o->command ||
				       o->seconds > 0 || o->flight_bytes || o->no_uprobes ||
				       o->no_fentry || o->stats || o->backend
			       ? err_set("--read analyses a recording: nothing else can be traced with it")
			       : 0;
	if (o->record_only && o->json)
		return err_set("--record-only prints nothing: --json does not go with it");
	if (o->list && !o->json)
		return err_set("--requests goes with --json");
	if (!ways(o) && !o->port_given)
		return err_set(
			"say what to trace: --vm SOCKET, --pid PID, --server PID, "
			"--container NAME, --netns NAME, --bare DEVICE, or --port N alone");
	if (ways(o) - bare_server > 1)
		return err_set(
			"one placement at a time: --vm and --pid, --server, --container, "
			"--netns and --bare do not go together, but --server with --bare");
	return 0;
}

int trace_options_parse(struct trace_options *o, int argc, char **argv)
{
	int option, which;

	*o = (struct trace_options){.output = "out/trace/trace.strata",
				    .uprobe_limit = UPROBE_LIMIT_DEFAULT};
	while ((option = getopt_long(argc, argv, "+", long_options, &which)) != -1) {
		if (option == HELP) {
			fputs(help, stdout);
			return 1;
		}
		if (option == '?' || parse_one(o, option, long_options[which].name)) {
			if (option != '?')
				err_print("strata-trace");
			goto usage;
		}
	}
	if (optind < argc)
		o->command = argv + optind;
	o->port_given = o->port_count;
	if (!o->port_count)
		o->ports[o->port_count++] = 80;
	if (!check(o))
		return 0;
	err_print("strata-trace");
usage:
	fputs("try \"strata trace --help\"\n", stderr);
	return -1;
}
