/* Options of strata-trace. */
#include "tracer/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/number.h"
#include "lib/options.h"
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

#define PID_MOST (1 << 22) /* PID_MAX_LIMIT */

static int wrong(const char *option, const char *text, const char *expected)
{
	return err_set("--%s %s: expected %s", option, text, expected);
}

static int take_device(void *into, const char *option, char *text)
{
	struct trace_options *o = into;
	enum device_role role = !strcmp(option, "client")   ? ROLE_CLIENT
				: !strcmp(option, "uplink") ? ROLE_UPLINK
							    : ROLE_BARE;
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

static int take_vm(void *into, const char *option, char *path)
{
	struct trace_options *o = into;

	(void)option;
	if (o->vm_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	o->vms[o->vm_count++] = path;
	return 0;
}

static int take_port(void *into, const char *option, char *text)
{
	struct trace_options *o = into;
	int port;

	if (number_int(option, text, 1, 65535, &port))
		return -1;
	if (o->port_count == PROBES_PORTS_MAX)
		return err_set("at most %d ports can be traced at once", PROBES_PORTS_MAX);
	o->ports[o->port_count++] = (uint16_t)port;
	return 0;
}

static int take_protocol(void *into, const char *option, char *text)
{
	struct trace_options *o = into;

	o->protocol = text;
	return protocol_by_name(text) < 0 ? wrong(option, text, "http, ping-pong or auto") : 0;
}

static int take_pid(void *into, const char *option, char *text)
{
	struct trace_options *o = into;

	if (o->vm_count + o->pid_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	return number_int(option, text, 1, PID_MOST, &o->pids[o->pid_count++]);
}

static int take_backend(void *into, const char *option, char *text)
{
	struct trace_options *o = into;

	o->backend = text;
	o->pcap = !strcmp(text, "pcap");
	return o->pcap || !strcmp(text, "ebpf") ? 0 : wrong(option, text, "ebpf or pcap");
}

static int take_agent(void *into, const char *option, char *text)
{
	struct trace_options *o = into;

	if (!o->pid_count)
		return err_set("--%s stands behind the --pid whose agent it is", option);
	o->agents[o->pid_count - 1] = text;
	return 0;
}

static int take_flight(void *into, const char *option, char *text)
{
	struct trace_options *o = into;

	if (units_parse_bytes(text, &o->flight_bytes))
		return err_add("--%s", option);
	return o->flight_bytes >= FLIGHT_BYTES_MIN ? 0 : wrong(option, text, "1M or more");
}

#define AT(field) offsetof(struct trace_options, field)
static const struct option_row rows[] = {
	OPTION(TAKE, "vm", .take = take_vm),
	OPTION(TAKE, "pid", .take = take_pid),
	OPTION(TAKE, "agent", .take = take_agent),
	OPTION(INT, "server", AT(server), 1, PID_MOST),
	OPTION(TEXT, "container", AT(container)),
	OPTION(TEXT, "netns", AT(netns)),
	OPTION(TAKE, "client", .take = take_device),
	OPTION(TAKE, "uplink", .take = take_device),
	OPTION(TAKE, "bare", .take = take_device),
	OPTION(TAKE, "port", .take = take_port),
	OPTION(TAKE, "protocol", .take = take_protocol),
	OPTION(TAKE, "filter", AT(filter), .take = filter_take),
	OPTION(TAKE, "sample", AT(filter), .take = filter_take),
	OPTION(TAKE, "slower-than", AT(filter), .take = filter_take),
	OPTION(TAKE, "status", AT(filter), .take = filter_take),
	OPTION(TAKE, "path", AT(filter), .take = filter_take),
	OPTION(TEXT, "output", AT(output)),
	OPTION(TAKE, "flight-recorder", .take = take_flight),
	OPTION(TEXT, "read", AT(read)),
	OPTION(REAL, "duration", AT(seconds), .low = 0.001, .high = 1e9),
	OPTION(SET, "no-uprobes", AT(no_uprobes)),
	OPTION(UNSIGNED, "uprobe-limit", AT(uprobe_limit), 0, 1000000000),
	OPTION(SET, "no-fentry", AT(no_fentry)),
	OPTION(TAKE, "backend", .take = take_backend),
	OPTION(SET, "stats", AT(stats)),
	OPTION(SET, "record-only", AT(record_only)),
	OPTION(SET, "json", AT(json)),
	OPTION(SET, "requests", AT(list)),
	OPTION(SET, "hops", AT(hops)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help, .command = true);

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
	int result;

	*o = (struct trace_options){.output = "out/trace/trace.strata",
				    .uprobe_limit = UPROBE_LIMIT_DEFAULT};
	result = options_read(&table, o, argc, argv, NULL);
	if (result)
		return result < 0 ? err_usage("trace") : result;
	if (optind < argc)
		o->command = argv + optind;
	o->port_given = o->port_count;
	if (!o->port_count)
		o->ports[o->port_count++] = 80;
	return check(o) ? err_usage("trace") : 0;
}
