/* Namespaces, a bridge and nginx: see site.h. */
#include "bench/cost/site.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/guest_root.h"
#include "lib/netns.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define STOP_MS  2000
#define TRIES    100
#define PAUSE_US 50000

/* Its one process is its worker. */
static const char nginx_conf[] =
	"user root root;\n"
	"daemon off;\n"
	"master_process off;\n"
	"pid /tmp/nginx.pid;\n"
	"events { worker_connections 4096; }\n"
	"http {\n"
	"	client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;\n"
	"	uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;\n"
	"	access_log off; server_tokens off; keepalive_requests 1000000000;\n"
	"	server { listen 80 backlog=4096; location / { return 200 \"ok\\n\"; } }\n"
	"}\n";

static int link_up(int client, int host, int server)
{
	int self = getpid();

	if (netns_ip(host, "link add br0 type bridge forward_delay 0 mcast_snooping 0") ||
	    netns_ip(host, "link add uplink0 type veth peer name c0 netns /proc/%d/fd/%d", self,
		     client) ||
	    netns_ip(host, "link add port0 type veth peer name srv0 netns /proc/%d/fd/%d", self,
		     server) ||
	    netns_ip(host, "link set uplink0 master br0 up") ||
	    netns_ip(host, "link set port0 master br0 up") ||
	    netns_ip(host, "link set br0 up") ||
	    netns_ip(client, "address add 10.77.0.1/24 dev c0") ||
	    netns_ip(server, "address add 10.77.0.2/24 dev srv0") ||
	    netns_ip(client, "link set c0 up") || netns_ip(server, "link set srv0 up"))
		return -1;
	return 0;
}

int site_open(struct site *s, const char *folder)
{
	int *const ns[] = {&s->client, &s->host, &s->server};

	snprintf(s->folder, sizeof(s->folder), "%s", folder);
	if (path_make_folder(folder))
		return -1;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_errno("take a mount namespace of our own (needs root)");
	if (mount("strata", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return err_errno("mount a tmpfs on %s", folder);
	/* bpftrace finds tracepoints there; it says so itself where there is none */
	mount("strata", "/sys/kernel/tracing", "tracefs", 0, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		*ns[i] = netns_create();
		if (*ns[i] < 0 || netns_sysctl(*ns[i], "ipv6/conf/default/disable_ipv6", "1"))
			return -1;
	}
	return link_up(s->client, s->host, s->server);
}

void site_close(struct site *s)
{
	int *const ns[] = {&s->client, &s->host, &s->server};

	proc_end(s->nginx, SIGTERM, STOP_MS);
	s->nginx = 0;
	for (unsigned int i = 0; i < 3; i++) {
		if (*ns[i] >= 0)
			close(*ns[i]);
		*ns[i] = -1;
	}
	umount2(s->folder, MNT_DETACH);
	rmdir(s->folder);
}

static int write_configuration(const char *root)
{
	char path[PATH_MAX + 32];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tmp/nginx.conf", root);
	f = fopen(path, "we");
	if (!f || fputs(nginx_conf, f) < 0 || fclose(f))
		return err_errno("write %s", path);
	return 0;
}

static int await_reply(const struct site *s)
{
	static const char *const argv[] = {"curl", "-s", "-o", "/dev/null", SITE_URL, NULL};
	struct proc_options opt = PROC_DEFAULTS;

	opt.netns_fd = s->client;
	for (int i = 0; i < TRIES && !*s->stop; i++) {
		if (!proc_run(argv, &opt, STOP_MS, NULL))
			return 0;
		usleep(PAUSE_US);
	}
	return err_set("nginx does not answer; its log is %s/nginx.log", s->folder);
}

int site_serve(struct site *s)
{
	static const char *const argv[] = {"/usr/sbin/nginx", "-e", "stderr", "-c",
					   "/tmp/nginx.conf", NULL};
	char root[PATH_MAX], log[300];
	bool ready = false; /* it serves once */
	struct proc_options opt = PROC_DEFAULTS;

	if (guest_root(root, &ready) || write_configuration(root))
		return -1;
	snprintf(log, sizeof(log), "%s/nginx.log", s->folder);
	opt.netns_fd = s->server;
	opt.chroot_path = root;
	opt.output_path = log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	s->nginx = proc_start(argv, &opt);
	return s->nginx < 0 ? -1 : await_reply(s);
}
