/* The laboratory: see lab.h. Built with ip(8), so that every step is one that a reader can
 * repeat. */
#include "scenarios/demo/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/vm.h"

#define START_MS 20000
#define STOP_MS  10000

/* ---- mounts and namespaces that end with us ---- */

static int private_mounts(struct lab *lab, const char *folder)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_errno("take a mount namespace of our own (needs root)");
	snprintf(lab->folder, sizeof(lab->folder), "%s/run", folder);
	if (path_make_folder(lab->folder))
		return -1;
	if (mount("strata", lab->folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return err_errno("mount a tmpfs on %s", lab->folder);
	return 0;
}

static bool has_link(json_t *links, const char *name)
{
	json_t *link;
	size_t i;

	json_array_foreach (links, i, link) {
		const char *n = json_string_value(json_object_get(link, "ifname"));

		if (n && !strcmp(n, name))
			return true;
	}
	return false;
}

/* Two cards wired to each other, if this machine has them to spare. */
static int take_real_wire(struct lab *lab)
{
	int here = netns_of_pid(0), result = -1;
	json_t *links = here < 0 ? NULL : netns_links(here);

	lab->real_wire = links && has_link(links, "wire0") && has_link(links, "wire1");
	json_decref(links);
	if (!lab->real_wire)
		result = 0;
	else if (!netns_ip(here, "link set wire0 netns /proc/%d/fd/%d name client0", getpid(),
			   lab->client_ns) &&
		 !netns_ip(here, "link set wire1 netns /proc/%d/fd/%d name uplink0", getpid(),
			   lab->host_ns))
		result = 0;
	if (here >= 0)
		close(here);
	return result;
}

static int build_wire(struct lab *lab)
{
	if (take_real_wire(lab))
		return -1;
	if (!lab->real_wire &&
	    netns_ip(lab->host_ns,
		     "link add uplink0 type veth peer name client0 netns /proc/%d/fd/%d",
		     getpid(), lab->client_ns))
		return -1;
	if (netns_ip(lab->host_ns, "link set uplink0 up") ||
	    netns_ip(lab->client_ns, "link set client0 up") ||
	    netns_ip(lab->client_ns, "address add " LAB_CLIENT_ADDRESS "/24 dev client0"))
		return -1;
	return 0;
}

static int build_bridge(struct lab *lab)
{
	/* no spanning tree, no learning delay: a port forwards as soon as it is up */
	if (netns_ip(lab->host_ns,
		     "link add br0 type bridge forward_delay 0 mcast_snooping 0") ||
	    netns_ip(lab->host_ns, "link set br0 up") ||
	    netns_ip(lab->host_ns, "link set uplink0 master br0"))
		return -1;
	return 0;
}

static int build_port(struct lab *lab)
{
	if (place_is_vm(lab->place)) {
		if (netns_ip(lab->host_ns, "tuntap add port0 mode tap vnet_hdr%s",
			     lab->cpus > 1 ? " multi_queue" : ""))
			return -1;
	} else {
		lab->server_ns = netns_create();
		if (lab->server_ns < 0 ||
		    netns_ip(lab->host_ns,
			     "link add port0 type veth peer name eth0 netns /proc/%d/fd/%d",
			     getpid(), lab->server_ns) ||
		    netns_ip(lab->server_ns,
			     "address add " LAB_SERVER_ADDRESS "/24 dev eth0") ||
		    netns_ip(lab->server_ns, "link set eth0 up"))
			return -1;
	}
	if (netns_ip(lab->host_ns, "link set port0 master br0") ||
	    netns_ip(lab->host_ns, "link set port0 up"))
		return -1;
	return 0;
}

static int build_network(struct lab *lab)
{
	lab->host_ns = netns_create();
	lab->client_ns = netns_create();
	if (lab->host_ns < 0 || lab->client_ns < 0)
		return -1;
	/* only what is asked for shall be on the wire: no router solicitations */
	if (netns_sysctl(lab->host_ns, "ipv6/conf/default/disable_ipv6", "1") ||
	    netns_sysctl(lab->client_ns, "ipv6/conf/default/disable_ipv6", "1"))
		return -1;
	if (build_wire(lab))
		return -1;
	if (lab->place == PLACE_BARE) {
		lab->server_ns = lab->host_ns;
		return netns_ip(lab->host_ns,
				"address add " LAB_SERVER_ADDRESS "/24 dev uplink0");
	}
	return build_bridge(lab) || build_port(lab) ? -1 : 0;
}

/* ---- the server ---- */

static int start_vm(struct lab *lab)
{
	char vmm[PATH_MAX], kernel[PATH_MAX], initrd[PATH_MAX], net[96], memory[320],
		control[320], ring[320], console[320], cpus[12];
	const char *argv[] = {vmm,
			      "--name",
			      "web",
			      "--kernel",
			      kernel,
			      "--initrd",
			      initrd,
			      "--memory",
			      "256M",
			      "--cpus",
			      cpus,
			      "--net",
			      net,
			      "--rng",
			      "--ivshmem",
			      memory,
			      "--control",
			      control,
			      "--trace-ring",
			      ring,
			      "--console",
			      console,
			      "--cmdline",
			      "quiet strata.ip=" LAB_SERVER_ADDRESS "/24",
			      NULL};
	struct proc_options opt = PROC_DEFAULTS;

	if (path_program(vmm, sizeof(vmm), "strata-vmm") ||
	    path_built(kernel, sizeof(kernel), "guest/vmlinux", "guest-image") ||
	    path_built(initrd, sizeof(initrd), "guest/initrd.img", "guest-image"))
		return -1;
	snprintf(cpus, sizeof(cpus), "%d", lab->cpus);
	snprintf(net, sizeof(net), "mode=virtio,tap=port0,queues=%d", lab->cpus);
	snprintf(lab->control, sizeof(lab->control), "%s/control", lab->folder);
	snprintf(control, sizeof(control), "%s", lab->control);
	snprintf(memory, sizeof(memory), "file=%s/shared-memory,size=16M", lab->folder);
	snprintf(ring, sizeof(ring), "%s/trace-ring", lab->folder);
	snprintf(console, sizeof(console), "file=%s", lab->log);
	opt.netns_fd = lab->host_ns;
	opt.output_path = lab->log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	lab->server = vm_start(argv, lab->control, &opt, START_MS);
	return lab->server < 0 ? -1 : 0;
}

static int start_nginx(struct lab *lab)
{
	static const char *const argv[] = {"/usr/sbin/nginx",       "-e", "stderr", "-c",
					   "/etc/nginx/nginx.conf", NULL};
	char root[PATH_MAX], path[PATH_MAX + 8];
	struct proc_options opt = PROC_DEFAULTS;

	if (path_built(root, sizeof(root), "guest/root", "guest-image") ||
	    path_built(lab->nginx, sizeof(lab->nginx), "guest/root/usr/sbin/nginx",
		       "guest-image"))
		return -1;
	snprintf(path, sizeof(path), "%s/tmp", root);
	if (mount("strata", path, "tmpfs", MS_NOSUID | MS_NODEV, NULL))
		return err_errno("mount a tmpfs on %s", path);
	snprintf(path, sizeof(path), "%s/dev", root);
	if (mount("/dev", path, NULL, MS_BIND, NULL))
		return err_errno("bind /dev to %s", path);
	opt.netns_fd = lab->server_ns;
	opt.chroot_path = root;
	opt.output_path = lab->log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	lab->server = proc_start(argv, &opt);
	return lab->server < 0 ? -1 : 0;
}

int lab_start(struct lab *lab, enum strata_place place, int cpus, const char *folder)
{
	char program[PATH_MAX];

	memset(lab, 0, sizeof(*lab));
	lab->place = place;
	lab->cpus = cpus;
	lab->host_ns = lab->client_ns = lab->server_ns = -1;
	snprintf(lab->log, sizeof(lab->log), "%s/%s.log", folder,
		 place_is_vm(place) ? "console" : "nginx");
	unlink(lab->log);
	/* what is missing is said before anything is made */
	if (path_program(program, sizeof(program), "strata-load") ||
	    path_built(program, sizeof(program), "guest/root", "guest-image"))
		return -1;
	if (private_mounts(lab, folder) || build_network(lab))
		return err_add("build the laboratory");
	return place_is_vm(place) ? start_vm(lab) : start_nginx(lab);
}

/* ---- waiting ---- */

/* One attempt to connect to the server from the client's namespace. */
static bool answers(const struct lab *lab)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(LAB_PORT)};
	struct timeval patience = {.tv_usec = 300000};
	int home = netns_of_pid(0), s = -1;
	bool yes = false;

	inet_pton(AF_INET, LAB_SERVER_ADDRESS, &to.sin_addr);
	if (home >= 0 && !setns(lab->client_ns, CLONE_NEWNET)) {
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

int lab_await(struct lab *lab, int timeout_ms)
{
	struct timespec t, pause = {.tv_nsec = 50000000};
	char tail[400];
	int64_t end;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + timeout_ms;
	for (;;) {
		if (answers(lab))
			return 0;
		if (proc_wait(lab->server, 0, &status) == 0) {
			lab->server = 0;
			log_tail(lab, tail, sizeof(tail));
			return err_set("the server %s before it answered; the end of %s:\n%s",
				       proc_status_text(status), lab->log, tail);
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
		if ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 > end) {
			log_tail(lab, tail, sizeof(tail));
			return err_set("no answer from http://" LAB_SERVER_ADDRESS
				       "/ within %d s; the end of %s:\n%s",
				       timeout_ms / 1000, lab->log, tail);
		}
		nanosleep(&pause, NULL);
	}
}

/* ---- what to trace ---- */

int lab_topology(const struct lab *lab, struct topology *t)
{
	topology_init(t);
	t->place = lab->place;
	if (topology_add_port(t, LAB_PORT) ||
	    topology_add_device(t, lab->client_ns, "client0", ROLE_CLIENT, 0))
		return -1;
	if (place_is_vm(lab->place))
		return topology_add_vm(t, lab->control);
	snprintf(t->nginx_path, sizeof(t->nginx_path), "%s", lab->nginx);
	if (lab->place == PLACE_BARE)
		return topology_add_device(t, lab->host_ns, "uplink0", ROLE_BARE, 0);
	snprintf(t->mode, sizeof(t->mode), "container");
	if (topology_add_device(t, lab->server_ns, "eth0", ROLE_SERVER, 0))
		return -1;
	return topology_add_switch_port(t, lab->host_ns, "port0", 0);
}

void lab_stop(struct lab *lab)
{
	if (lab->server > 0)
		proc_end(lab->server, SIGTERM, STOP_MS);
	lab->server = 0;
	if (lab->server_ns >= 0 && lab->server_ns != lab->host_ns)
		close(lab->server_ns);
	if (lab->client_ns >= 0)
		close(lab->client_ns);
	if (lab->host_ns >= 0)
		close(lab->host_ns);
	lab->host_ns = lab->client_ns = lab->server_ns = -1;
	umount2(lab->folder, MNT_DETACH);
	rmdir(lab->folder);
}
