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

/* The server's own namespace is looked at first, then every other that a process is in. */
struct namespaces {
	uint32_t seen[NAMESPACES_MAX];
	unsigned int count;
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

static pid_t listening_in(struct namespaces *n, const struct topology *t, pid_t pid)
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
	server = process_listening(fd, t->ports, t->port_count);
	close(fd);
	return server;
}

int topology_add_listener(struct topology *t)
{
	struct namespaces n = {.count = 0};
	pid_t server = listening_in(&n, t, getpid());
	DIR *d = opendir("/proc");
	struct dirent *e;

	if (!d)
		return err_errno("look for processes in /proc");
	while (!server && (e = readdir(d)))
		if (is_number(e->d_name))
			server = listening_in(&n, t, (pid_t)atoi(e->d_name));
	closedir(d);
	if (server < 0)
		return -1;
	if (!server)
		return err_set("nobody on this machine listens on TCP port %u", t->ports[0]);
	return topology_add_server(t, server);
}

/* ---- without a bridge ---- */

/* The device of the default route, else of the first route there is. */
static bool routed_device(char name[16])
{
	FILE *f = fopen("/proc/thread-self/net/route", "re");
	unsigned long destination;
	char line[256], device[16];
	bool found = false, best = false;

	while (f && !best && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %lx", device, &destination) != 2)
			continue;
		if (!found || !destination)
			snprintf(name, 16, "%s", device);
		found = true;
		best = !destination;
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
