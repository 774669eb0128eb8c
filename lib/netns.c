/* Network namespaces: see netns.h. What ip(8) can do, ip(8) does. */
#include "lib/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "lib/err.h"
#include "lib/proc.h"

#define IP_TIMEOUT_MS 20000
#define WORDS_MAX     48

int netns_of_pid(pid_t pid)
{
	char path[64];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	else
		snprintf(path, sizeof(path), "/proc/thread-self/ns/net");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno("network namespace of process %d: open %s", pid, path) : fd;
}

int netns_create(void)
{
	int home = netns_of_pid(0), fd;

	if (home < 0)
		return -1;
	if (unshare(CLONE_NEWNET)) {
		err_errno("create a network namespace (needs root, or CAP_SYS_ADMIN)");
		close(home);
		return -1;
	}
	fd = netns_of_pid(0);
	if (setns(home, CLONE_NEWNET)) {
		err_errno("return to our own network namespace");
		close(home);
		return -1;
	}
	close(home);
	if (fd >= 0 && netns_ip(fd, "link set lo up")) {
		close(fd);
		return -1;
	}
	return fd;
}

uint32_t netns_inode(int fd)
{
	struct stat st;

	if (fstat(fd, &st)) {
		err_errno("network namespace descriptor %d", fd);
		return 0;
	}
	return (uint32_t)st.st_ino;
}

int netns_id(int fd)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
		char pad[NLMSG_ALIGN(sizeof(struct rtgenmsg)) - sizeof(struct rtgenmsg)];
		struct nlattr attribute;
		uint32_t value;
	} m = {.header = {.nlmsg_len = sizeof(m),
			  .nlmsg_type = RTM_GETNSID,
			  .nlmsg_flags = NLM_F_REQUEST},
	       .attribute = {.nla_len = NLA_HDRLEN + sizeof(m.value), .nla_type = NETNSA_FD},
	       .value = (uint32_t)fd};
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), id = -1;

	if (s < 0 || send(s, &m, sizeof(m), 0) < 0 || recv(s, &m, sizeof(m), 0) < 0)
		id = err_errno("ask for the number of a network namespace");
	else if (m.header.nlmsg_type == RTM_NEWNSID && m.attribute.nla_type == NETNSA_NSID)
		id = (int)m.value;
	if (s >= 0)
		close(s);
	return id;
}

static int ip_run(int fd, char *words, char **out)
{
	const char *argv[WORDS_MAX + 2] = {"ip"};
	struct proc_options opt = PROC_DEFAULTS;
	char *save = NULL;
	int n = 1;

	for (char *w = strtok_r(words, " ", &save); w && n <= WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
	opt.netns_fd = fd;
	return proc_run(argv, &opt, IP_TIMEOUT_MS, out);
}

int netns_ip(int fd, const char *fmt, ...)
{
	char words[512], shown[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	memcpy(shown, words, sizeof(shown));
	return ip_run(fd, words, NULL) ? err_add("ip %s", shown) : 0;
}

json_t *netns_links(int fd)
{
	char words[] = "-json -details link show";
	json_error_t why;
	json_t *links;
	char *text;

	if (ip_run(fd, words, &text))
		return NULL;
	links = json_loads(text, 0, &why);
	free(text);
	if (!json_is_array(links)) {
		err_set("list of links: ip's answer is not the JSON expected: %s", why.text);
		json_decref(links);
		return NULL;
	}
	return links;
}

/* /proc/sys/net shows the namespace of the thread that opens it. */
int netns_sysctl(int fd, const char *key, const char *value)
{
	int home = netns_of_pid(0), file, result = 0;
	char path[256];

	if (home < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
	if (setns(fd, CLONE_NEWNET)) {
		result = err_errno("enter a network namespace");
	} else {
		file = open(path, O_WRONLY | O_CLOEXEC);
		if (file < 0 || write(file, value, strlen(value)) < 0)
			result = err_errno("write %s to %s", value, path);
		if (file >= 0)
			close(file);
		if (setns(home, CLONE_NEWNET))
			result = err_errno("return to our own network namespace");
	}
	close(home);
	return result;
}
