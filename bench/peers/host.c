/* The same servers on this kernel: nginx and iperf3 in a network namespace, one veth pair from
 * the client (bare) or behind the bridge (a container). See guest.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/peers/cpus.h"
#include "bench/peers/guest.h"
#include "lib/err.h"
#include "lib/guest_root.h"
#include "lib/netns.h"
#include "lib/proc.h"

#define READY_MS 20000

/* In /proc/PID/net/tcp, a socket that listens: its port, any peer, state 0A. */
#define NGINX_LISTENS ":0050 00000000:0000 0A"
#define IPERF_LISTENS ":1451 00000000000000000000000000000000:0000 0A"

static int make_wire(struct guest *g, bool container)
{
	int ns = g->site->netns;

	netns_ip(ns, "link del port0");
	g->server_ns = netns_create();
	if (g->server_ns < 0 ||
	    netns_sysctl(g->server_ns, "ipv6/conf/default/disable_ipv6", "1") ||
	    netns_ip(ns, "link add port0 type veth peer name eth0 netns /proc/%d/fd/%d",
		     getpid(), g->server_ns) ||
	    netns_ip(g->server_ns, "address add " GUEST_ADDRESS "/24 dev eth0") ||
	    netns_ip(g->server_ns, "link set eth0 up") ||
	    (container && netns_ip(ns, "link set port0 master br0")) ||
	    netns_ip(ns, "link set port0 up"))
		return -1;
	/* The bridge has the client's address: a route around it. */
	return container ? 0
			 : netns_ip(ns, "route add " GUEST_ADDRESS
					"/32 dev port0 src " CLIENT_ADDRESS);
}

static pid_t start(const struct guest *g, const char *const argv[], const char *root)
{
	struct proc_options opt = PROC_DEFAULTS;

	opt.netns_fd = g->server_ns;
	opt.cpus = cpus_system();
	opt.chroot_path = root;
	opt.output_path = g->log;
	opt.death_signal = SIGTERM; /* nginx takes its workers along */
	opt.own_group = true;
	return proc_start(argv, &opt);
}

static bool listens(pid_t pid, const char *file, const char *what)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, file);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, what) != NULL;
	if (f)
		fclose(f);
	return found;
}

static int await(struct guest *g)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	int status;

	for (int ms = 0; ms < READY_MS && !*g->site->stop; ms += 5) {
		if (listens(g->pid, "tcp", NGINX_LISTENS) &&
		    listens(g->iperf, "tcp6", IPERF_LISTENS))
			return 0;
		if (!proc_wait(g->pid, 0, &status)) {
			g->pid = 0;
			return err_set("nginx %s before it listened", proc_status_text(status));
		}
		nanosleep(&pause, NULL);
	}
	return err_set("nginx and iperf3 did not listen within %d s", READY_MS / 1000);
}

int guest_start_host(struct guest *g, struct site *s, bool container)
{
	static const char *const nginx[] = {"/usr/sbin/nginx",       "-e", "stderr", "-c",
					    "/etc/nginx/nginx.conf", NULL};
	static const char *const iperf[] = {"iperf3", "-s", NULL};
	char root[PATH_MAX];

	*g = (struct guest){.site = s,
			    .server_ns = -1,
			    .contained = container,
			    .first_entry_ns = -1,
			    .init_ns = -1,
			    .ready_ns = -1,
			    .answered_ns = -1};
	snprintf(g->address, sizeof(g->address), GUEST_ADDRESS);
	snprintf(g->log, sizeof(g->log), "%s/log", s->folder);
	if (guest_root(root, &s->root_ready) || make_wire(g, container) ||
	    (g->pid = start(g, nginx, root)) < 0 || (g->iperf = start(g, iperf, NULL)) < 0 ||
	    await(g)) {
		guest_stop(g);
		return -1;
	}
	return 0;
}
