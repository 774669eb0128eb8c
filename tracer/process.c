/* What /proc says of a process: see process.h. */
#include "tracer/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/threads.h"

#define WORDS_MAX   (1u << 20)
#define SOCKETS_MAX 64
#define TCP_LISTEN  0x0a /* include/net/tcp_states.h */

int process_each_fd(pid_t pid, void (*each)(void *ctx, int fd, const char *target), void *ctx)
{
	char folder[64], path[340], target[256];
	struct dirent *e;
	DIR *d;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
	d = opendir(folder);
	if (!d)
		return errno == ENOENT ? err_set("there is no process %d", pid)
				       : err_errno("look at what process %d has open", pid);
	while ((e = readdir(d))) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		each(ctx, atoi(e->d_name), target);
	}
	closedir(d);
	return 0;
}

/* The value of "FIELD: VALUE" in a file below /proc. */
static bool read_field(const char *path, const char *field, char *value, size_t bytes)
{
	size_t length = strlen(field);
	char line[256];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f)) {
		char *text = line + length + 1;

		if (strncmp(line, field, length) || line[length] != ':')
			continue;
		text += strspn(text, " \t");
		snprintf(value, bytes, "%.*s", (int)strcspn(text, "\n"), text);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

bool process_fd_field(pid_t pid, int fd, const char *field, char *value, size_t bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	return read_field(path, field, value, bytes);
}

pid_t process_of_thread(pid_t tid)
{
	char path[64], value[16];

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	return read_field(path, "Tgid", value, sizeof(value)) ? (pid_t)atoi(value) : 0;
}

/* A line is "N:CONTROLLERS:PATH"; of version 2's hierarchy N is 0 and no controller is named
 * (cgroups(7)). */
static bool has_cpu(const char *controllers, size_t length)
{
	char list[128];

	snprintf(list, sizeof(list), ",%.*s,", (int)length, controllers);
	return strstr(list, ",cpu,");
}

void process_cgroup(pid_t tid, char *path, size_t bytes)
{
	char file[64], line[4352];
	bool found = false;
	FILE *f;

	path[0] = '\0';
	snprintf(file, sizeof(file), "/proc/%d/cgroup", tid);
	f = fopen(file, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *controllers = strchr(line, ':'), *at;

		at = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!at)
			continue;
		found = has_cpu(controllers + 1, (size_t)(at - controllers - 1));
		if (found || !strncmp(line, "0::", 3))
			snprintf(path, bytes, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
	}
	if (f)
		fclose(f);
}

static void look_for_vm(void *ctx, int fd, const char *target)
{
	bool *is_vm = ctx;

	(void)fd;
	*is_vm |= !strcmp(target, "anon_inode:kvm-vm");
}

bool process_is_vm(pid_t pid)
{
	bool is_vm = false;

	return !process_each_fd(pid, look_for_vm, &is_vm) && is_vm;
}

char *process_words(pid_t pid, size_t *bytes)
{
	char path[64], *words = malloc(WORDS_MAX + 1);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	*bytes = f && words ? fread(words, 1, WORDS_MAX, f) : 0;
	if (f)
		fclose(f);
	if (!*bytes) {
		free(words);
		return NULL;
	}
	words[(*bytes)++] = '\0'; /* who changes its own title may not have ended it */
	return words;
}

const char *words_option(const char *words, size_t bytes, const char *option)
{
	size_t length = strlen(option);

	for (const char *w = words; w < words + bytes; w += strlen(w) + 1) {
		const char *next = w + strlen(w) + 1;

		if (strncmp(w, option, length))
			continue;
		if (w[length] == '=')
			return w + length + 1;
		if (!w[length] && next < words + bytes)
			return next;
	}
	return NULL;
}

void process_vm_name(pid_t pid, char *name, size_t bytes)
{
	static const char *const options[] = {"-name", "--name", "--id"};
	size_t length = 0;
	char *words = process_words(pid, &length);
	const char *given = NULL;

	for (size_t i = 0; words && !given && i < sizeof(options) / sizeof(options[0]); i++)
		given = words_option(words, length, options[i]);
	if (given && !strncmp(given, "guest=", 6))
		given += 6;
	if (given)
		snprintf(name, bytes, "%.*s", (int)strcspn(given, ","), given);
	else
		threads_name(pid, name, bytes < 17 ? bytes : 17);
	free(words);
}

/* ---- listening ---- */

struct sockets {
	unsigned long inode[SOCKETS_MAX];
	unsigned int count;
};

/* Of a file like /proc/net/tcp: the sockets that listen on one of the ports. */
static void read_listening(const char *path, const uint16_t *ports, unsigned int count,
			   struct sockets *s)
{
	unsigned int port, state;
	unsigned long inode;
	char line[512];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			   " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
			   &port, &state, &inode) != 3 ||
		    state != TCP_LISTEN)
			continue;
		for (unsigned int i = 0; i < count; i++)
			if (ports[i] == port && s->count < SOCKETS_MAX)
				s->inode[s->count++] = inode;
	}
	if (f)
		fclose(f);
}

struct holder {
	const struct sockets *sockets;
	bool holds;
};

static void look_at_fd(void *ctx, int fd, const char *target)
{
	struct holder *h = ctx;
	unsigned long inode;

	(void)fd;
	if (sscanf(target, "socket:[%lu]", &inode) != 1)
		return;
	for (unsigned int i = 0; i < h->sockets->count; i++)
		h->holds |= h->sockets->inode[i] == inode;
}

static bool is_in(pid_t pid, uint32_t netns)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	return !stat(path, &st) && (uint32_t)st.st_ino == netns;
}

pid_t process_listening(int netns_fd, const uint16_t *ports, unsigned int count)
{
	static const char *const tables[] = {"tcp", "tcp6"};
	uint32_t netns = netns_inode(netns_fd);
	struct sockets sockets = {.count = 0};
	bool read = false;
	struct dirent *e;
	pid_t best = 0;
	DIR *d = opendir("/proc");

	if (!d)
		return err_errno("look for processes in /proc");
	while ((e = readdir(d))) {
		struct holder h = {.sockets = &sockets};
		pid_t pid = (pid_t)atoi(e->d_name);
		char path[64];

		if (pid <= 0 || !is_in(pid, netns))
			continue;
		/* any process of the namespace shows all its sockets */
		for (size_t i = 0; !read && i < sizeof(tables) / sizeof(tables[0]); i++) {
			snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, tables[i]);
			read_listening(path, ports, count, &sockets);
		}
		read = true;
		if (!sockets.count)
			break;
		if (pid > best && !process_each_fd(pid, look_at_fd, &h) && h.holds)
			best = pid;
	}
	closedir(d);
	return best;
}
