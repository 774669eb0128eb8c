/*
 * Servers of this kernel, found by what people know of them: a container's name, a network
 * namespace, a port.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/proc.h"
#include "tracer/process.h"
#include "tracer/topology.h"

#define ASK_MS         5000
#define NAMESPACES_MAX 1024
#define NETNS_FOLDER   "/run/netns"

/* Who may know a container's first process by the container's name. */
static const char *const runtimes[][8] = {
	{"docker", "inspect", "--format", "{{.State.Pid}}"},
	{"podman", "inspect", "--format", "{{.State.Pid}}"},
	{"nerdctl", "inspect", "--format", "{{.State.Pid}}"},
	{"lxc-info", "-p", "-H", "-n"},
	{"machinectl", "show", "-p", "Leader", "--value"},
};

static pid_t ask_runtime(const char *const words[8], const char *name)
{
	const char *argv[10];
	char *text = NULL;
	pid_t pid = 0;
	size_t n = 0;

	for (; n < 8 && words[n]; n++)
		argv[n] = words[n];
	argv[n++] = name;
	argv[n] = NULL;
	if (!proc_run(argv, NULL, ASK_MS, &text))
		pid = (pid_t)atoi(text);
	free(text);
	return pid > 0 ? pid : 0;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

static pid_t container_pid(const char *name)
{
	pid_t pid = 0;

	if (is_number(name))
		return (pid_t)atoi(name);
	if (*name == '-') /* it would be an option to them */
		return err_set("%s is no container's name", name);
	for (size_t i = 0; !pid && i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		pid = ask_runtime(runtimes[i], name);
	if (pid)
		return pid;
	return err_set(
		"no running container is called %s: neither docker, podman, nerdctl, lxc "
		"nor systemd-machined knows it; give the id of one of its processes",
		name);
}

/* A process, a file, or a name as "ip netns" keeps it. */
static int open_netns(const char *name)
{
	char path[256];
	int fd;

	if (is_number(name))
		return netns_of_pid((pid_t)atoi(name));
	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : NETNS_FOLDER "/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno(
				"network namespace %s: open %s (\"ip netns\" lists those that "
				"have names)",
				name, path)
		      : fd;
}

static int add_server_in(struct topology *t, int netns_fd, const char *where)
{
	pid_t pid = process_listening(netns_fd, t->ports, t->port_count);

	if (pid < 0)
		return -1;
	if (!pid)
		return err_set("nobody listens on TCP port %u in %s; --port names another",
			       t->ports[0], where);
	return topology_add_server(t, pid);
}

int topology_add_netns(struct topology *t, const char *name)
{
	int fd = open_netns(name), result;

	if (fd < 0)
		return -1;
	result = add_server_in(t, fd, name);
	close(fd);
	return result;
}

int topology_add_container(struct topology *t, const char *name)
{
	pid_t pid = container_pid(name);
	int fd = pid > 0 ? netns_of_pid(pid) : -1, result;

	if (fd < 0)
		return -1;
	result = add_server_in(t, fd, name);
	close(fd);
	return result;
}

/* ---- by port alone ---- */

/* Namespaces that were looked at, and who listens in one that our namespace has a link to. */
struct namespaces {
	uint32_t seen[NAMESPACES_MAX];
	unsigned int count;
	pid_t found, also; /* 0 nobody */
};

static bool is_new(struct namespaces *n, uint32_t inode)
{
	for (unsigned int i = 0; i < n->count; i++)
		if (n->seen[i] == inode)
			return false;
	if (n->count < NAMESPACES_MAX)
		n->seen[n->count++] = inode;
	return true;
}

static int look_into(struct namespaces *n, const struct topology *t, pid_t pid, bool ours)
{
	char path[64];
	struct stat st;
	pid_t server;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &st) || !is_new(n, (uint32_t)st.st_ino))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	server = ours || netns_id(fd) >= 0 ? process_listening(fd, t->ports, t->port_count) : 0;
	close(fd);
	if (server <= 0)
		return server;
	*(n->found ? &n->also : &n->found) = server;
	return 0;
}

static int look_elsewhere(struct namespaces *n, const struct topology *t)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int result = 0;

	if (!d)
		return err_errno("look for processes in /proc");
	while (!result && !n->also && (e = readdir(d)))
		if (is_number(e->d_name))
			result = look_into(n, t, (pid_t)atoi(e->d_name), false);
	closedir(d);
	return result;
}

int topology_add_listener(struct topology *t)
{
	struct namespaces n = {.count = 0};

	if (look_into(&n, t, getpid(), true) || (!n.found && look_elsewhere(&n, t)))
		return -1;
	if (n.also)
		return err_set("processes %d and %d listen on TCP port %u, each in a network "
			       "namespace of its own: say which with --server PID",
			       n.found, n.also, t->ports[0]);
	if (!n.found)
		return err_set("nobody listens on TCP port %u, neither here nor in a network "
			       "namespace that a device here leads to",
			       t->ports[0]);
	return topology_add_server(t, n.found);
}

/* ---- without a bridge ---- */

/* The device of the default route, else of the first route there is. */
static bool routed_device(char name[16])
{
	FILE *f = fopen("/proc/thread-self/net/route", "re");
	char line[256], device[16], destination[16];
	bool found = false, best = false;

	while (f && !best && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %15s", device, destination) != 2 ||
		    !strcmp(destination, "Destination")) /* the headings */
			continue;
		best = !strcmp(destination, "00000000");
		if (!found || best)
			snprintf(name, 16, "%s", device);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

int topology_add_bare(struct topology *t)
{
	int here = netns_of_pid(0), result;
	char name[16];

	if (here < 0)
		return -1;
	result = routed_device(name)
			 ? topology_add_device(t, here, name, ROLE_BARE, 0)
			 : err_set("the server runs in our own network namespace, which has no "
				   "route: name its device with --bare DEVICE");
	close(here);
	return result;
}
