/* A server on the site: its port, its start and its end. See lab.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/now.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/stop.h"
#include "scenarios/lab/internal.h"

#define STOP_MS    10000
#define END_MS     1000 /* from its socket's end to its process' */
#define TAIL_BYTES 400  /* of a log, in a sentence */

static const struct {
	enum strata_place place;
	const char *text;
} texts[] = {
	{PLACE_EMULATED, "a virtual machine (emulated Intel 82540EM, tap, vSwitch)"},
	{PLACE_VIRTIO, "a virtual machine (virtio-net, tap, vSwitch)"},
	{PLACE_VHOST, "a virtual machine (virtio-net, vhost in the kernel, tap, vSwitch)"},
	{PLACE_PASSTHROUGH, "a virtual machine (with a network card of its own)"},
	{PLACE_CONTAINER, "a container-like namespace (veth, vSwitch)"},
	{PLACE_BARE, "this kernel, on the host's NIC"},
};

const char *lab_place_text(enum strata_place place)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].place == place)
			return texts[i].text;
	return "nowhere";
}

/* ---- what must be there ---- */

static int check_passthrough(const struct lab_wire *wire, bool alone)
{
	const char *card = wire->spare[0] ? wire->spare : wire->uplink;
	char address[16];

	if (!wire->client[0])
		return err_set(
			"no network card to spare on this machine: passthrough needs two "
			"on one cable, the client's and one that is given to the VM "
			"(--wire CLIENT,CARD); the testbed has them");
	if (!wire->spare[0] && !alone)
		return err_set("no network card to spare on this machine: beside other modes, "
			       "passthrough needs a third one on the cable (--wire "
			       "CLIENT,UPLINK,SPARE)");
	lent_card_address(address, card);
	return *address ? 0
			: err_set("%s is no PCI card, so it cannot be passed through", card);
}

int lab_check(const struct lab_wire *wire, enum strata_place place, bool alone)
{
	char path[PATH_MAX];

	if (path_built(path, sizeof(path), "guest/root", "guest-image"))
		return -1;
	if (!place_is_vm(place))
		return 0;
	if (access("/dev/kvm", R_OK | W_OK))
		return err_errno("/dev/kvm (\"strata doctor\" says what to do)");
	if (path_built(path, sizeof(path), "guest/vmlinux", "guest-image") ||
	    path_program(path, sizeof(path), "strata-vmm"))
		return -1;
	if (place == PLACE_VHOST && access("/dev/vhost-net", R_OK | W_OK))
		return err_errno("/dev/vhost-net (\"modprobe vhost_net\")");
	return place == PLACE_PASSTHROUGH ? check_passthrough(wire, alone) : 0;
}

/* ---- starting ---- */

static bool has_queues(const struct lab *lab)
{
	return (lab->place & (PLACE_VIRTIO | PLACE_VHOST)) && lab->cpus > 1;
}

static int build_tap(struct lab *lab)
{
	return lab_need_bridge(lab->site) ||
			       netns_ip(lab->site->host_ns, "tuntap add %s mode tap vnet_hdr%s",
					lab->port, has_queues(lab) ? " multi_queue" : "") ||
			       netns_ip(lab->site->host_ns, "link set %s up", lab->port)
		       ? -1
		       : 0;
}

static int build_container(struct lab *lab)
{
	const struct lab_site *site = lab->site;

	if (lab_need_bridge(lab->site))
		return -1;
	lab->server_ns = netns_create();
	if (lab->server_ns < 0 ||
	    netns_sysctl(lab->server_ns, "ipv6/conf/default/disable_ipv6", "1") ||
	    netns_ip(site->host_ns, "link add %s type veth peer name eth0 netns /proc/%d/fd/%d",
		     lab->port, getpid(), lab->server_ns) ||
	    netns_ip(lab->server_ns, "address add %s/24 dev eth0", lab->address) ||
	    netns_ip(lab->server_ns, "link set eth0 up") ||
	    netns_ip(site->host_ns, "link set %s up", lab->port))
		return -1;
	return 0;
}

static int build(struct lab *lab)
{
	switch (lab->place) {
	case PLACE_PASSTHROUGH:
		lab->port[0] = '\0';
		return lab_need_client(lab->site) || lab_take_card(lab) ? -1 : 0;
	case PLACE_BARE:
		lab->port[0] = '\0';
		return lab_need_uplink(lab->site);
	case PLACE_CONTAINER:
		return build_container(lab);
	default:
		return build_tap(lab);
	}
}

int lab_start(struct lab *lab, struct lab_site *site, enum strata_place place, int cpus,
	      const char *name)
{
	static const struct lab_vm usual;

	return lab_start_as(lab, site, place, cpus, name, &usual);
}

int lab_start_as(struct lab *lab, struct lab_site *site, enum strata_place place, int cpus,
		 const char *name, const struct lab_vm *vm)
{
	unsigned int number = site->servers++;

	*lab = (struct lab){.site = site, .place = place, .cpus = cpus, .server_ns = -1};
	snprintf(lab->name, sizeof(lab->name), "%s", name ? name : place_name(place));
	snprintf(lab->address, sizeof(lab->address), "10.77.0.%u", 2 + number);
	snprintf(lab->port, sizeof(lab->port), "port%u", number);
	snprintf(lab->log, sizeof(lab->log), "%.250s/%s%s%s.log", site->folder,
		 name ? name : "", name ? "-" : "", place_is_vm(place) ? "console" : "nginx");
	unlink(lab->log);
	if (build(lab) || lab_select(lab))
		return err_add("build the laboratory");
	return place_is_vm(place) ? lab_start_vm(lab, vm) : lab_start_nginx(lab);
}

/* ---- waiting ---- */

/* One attempt to connect to the server from the client's namespace. */
static bool answers(const struct lab *lab)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(LAB_PORT)};
	struct timeval patience = {.tv_usec = 300000};
	int home = netns_of_pid(0), s = -1;
	bool yes = false;

	inet_pton(AF_INET, lab->address, &to.sin_addr);
	if (home >= 0 && !setns(lab->site->client_ns, CLONE_NEWNET)) {
		s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (setns(home, CLONE_NEWNET))
			err_errno("return to our own network namespace");
	}
	if (s >= 0) {
		setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		yes = !connect(s, (struct sockaddr *)&to, sizeof(to));
		close(s);
	}
	if (home >= 0)
		close(home);
	return yes;
}

/* The last lines of the server's log, for a sentence. */
static void log_tail(const struct lab *lab, char *tail, size_t bytes)
{
	FILE *f = fopen(lab->log, "re");
	size_t n = 0;

	if (f) {
		if (fseek(f, -(long)(bytes - 1), SEEK_END))
			rewind(f);
		n = fread(tail, 1, bytes - 1, f);
		fclose(f);
	}
	tail[n] = '\0';
}

/* Has the server ended, or does it within this time? Then *status is how. */
static bool has_ended(struct lab *lab, int wait_ms, int *status)
{
	if (lab->server <= 0 || proc_wait(lab->server, wait_ms, status))
		return false;
	lab->server = 0;
	lab->fell = true;
	return true;
}

int lab_await(struct lab *lab, int timeout_ms)
{
	struct timespec pause = {.tv_nsec = 50000000};
	int64_t end = now_ms() + timeout_ms;
	char tail[TAIL_BYTES];
	int status;

	for (;;) {
		if (answers(lab))
			return 0;
		if (stop_check())
			return -1;
		if (has_ended(lab, 0, &status)) {
			log_tail(lab, tail, sizeof(tail));
			return err_set("the server %s before it answered; the end of %s:\n%s",
				       proc_status_text(status), lab->log, tail);
		}
		if (now_ms() > end) {
			log_tail(lab, tail, sizeof(tail));
			return err_set("no answer from http://%s/ within %d s; the end of "
				       "%s:\n%s",
				       lab->address, timeout_ms / 1000, lab->log, tail);
		}
		nanosleep(&pause, NULL);
	}
}

static void add_log(const struct lab *lab, const char *state)
{
	char why[512], tail[TAIL_BYTES];

	snprintf(why, sizeof(why), "%s", err_text());
	log_tail(lab, tail, sizeof(tail));
	err_set("%s\nthe server%s; the end of %s:\n%s", why, state, lab->log, tail);
}

bool lab_add_end(struct lab *lab)
{
	char state[128];
	int status;

	if (!has_ended(lab, END_MS, &status))
		return false;
	snprintf(state, sizeof(state), " %s", proc_status_text(status));
	add_log(lab, state);
	return true;
}

void lab_add_state(struct lab *lab)
{
	if (!lab_add_end(lab))
		add_log(lab, "'s process runs");
}

/* ---- what to trace ---- */

int lab_topology(const struct lab *lab, struct topology *t)
{
	topology_init(t);
	t->place = lab->place;
	if (topology_add_port(t, LAB_PORT) ||
	    topology_add_device(t, lab->site->client_ns, lab->site->client, ROLE_CLIENT, 0))
		return -1;
	if (place_is_vm(lab->place))
		return topology_add_vm(t, lab->control);
	snprintf(t->nginx_path, sizeof(t->nginx_path), "%s", lab->nginx);
	if (lab->place == PLACE_BARE)
		return topology_add_device(t, lab->site->host_ns, lab->site->uplink, ROLE_BARE,
					   0);
	snprintf(t->mode, sizeof(t->mode), "container");
	if (topology_add_device(t, lab->server_ns, "eth0", ROLE_SERVER, 0))
		return -1;
	return topology_add_switch_port(t, lab->site->host_ns, lab->port, 0);
}

void lab_stop(struct lab *lab)
{
	if (lab->server > 0)
		proc_end(lab->server, SIGTERM, STOP_MS);
	lab->server = 0;
	if (lab->server_ns >= 0)
		close(lab->server_ns);
	lab->server_ns = -1;
	lab_return_card(lab);
}
