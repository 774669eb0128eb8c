/* The way to the agent in anyone's VM: see topology_agent.h. */
#include "tracer/topology_agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ring_stream.h"
#include "tracer/channel.h"
#include "tracer/process.h"

/* ---- memory ---- */

static bool holds_ring(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	uint64_t magic = 0;
	bool is = fd >= 0 && pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) &&
		  magic == RING_MAGIC;

	if (fd >= 0)
		close(fd);
	return is;
}

static bool find_memory(struct topology_vm *vm)
{
	char path[64], line[512], range[64], rights[8], file[8];
	unsigned long long offset;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", vm->pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %7s %llx %*s %*s %1s", range, rights, &offset, file) !=
			    4 ||
		    strcmp(rights, "rw-s") || offset || *file != '/')
			continue;
		snprintf(vm->agent, sizeof(vm->agent), "/proc/%d/map_files/%s", vm->pid, range);
		found = holds_ring(vm->agent);
	}
	if (f)
		fclose(f);
	return found;
}

/* ---- the command line ---- */

bool word_value(const char *word, const char *key, char *value, size_t bytes)
{
	size_t length = strlen(key);

	for (const char *at = strstr(word, key); at; at = strstr(at + 1, key)) {
		const char *v = at + length;
		size_t n;

		if ((at > word && !strchr(",\"", at[-1])) || !*v || !strchr("=\"", *v))
			continue;
		v += strspn(v, "=\": ");
		n = strcspn(v, ",\"} ");
		if (!n || n >= bytes)
			return false;
		snprintf(value, bytes, "%.*s", (int)n, v);
		return true;
	}
	return false;
}

/* The first word that has that value for the key; NULL if none has. */
static const char *find_word(const char *words, size_t bytes, const char *key,
			     const char *expected)
{
	char value[128];

	for (const char *w = words; w < words + bytes; w += strlen(w) + 1)
		if (word_value(w, key, value, sizeof(value)) && !strcmp(value, expected))
			return w;
	return NULL;
}

/* ---- a virtio-serial port's socket ---- */

bool socket_path(pid_t pid, int fd, char *path, size_t bytes)
{
	char name[64], target[64], line[256], bound[128];
	unsigned long inode, other;
	bool found = false;
	ssize_t n;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid, fd);
	n = readlink(name, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	if (sscanf(target, "socket:[%lu]", &inode) != 1)
		return false;
	snprintf(name, sizeof(name), "/proc/%d/net/unix", pid);
	f = fopen(name, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %127s", &other, bound) == 2 &&
			other == inode && *bound == '/';
	if (f)
		fclose(f);
	if (found)
		snprintf(path, bytes, "%s", bound);
	return found;
}

static bool find_serial(struct topology_vm *vm, const char *words, size_t bytes)
{
	const char *word = find_word(words, bytes, "name", RING_STREAM_SERIAL);
	char id[128], path[128], fd[16];

	if (!word || !word_value(word, "chardev", id, sizeof(id)))
		return false;
	word = find_word(words, bytes, "id", id);
	if (!word)
		return false;
	if (!word_value(word, "path", path, sizeof(path)) &&
	    (!word_value(word, "fd", fd, sizeof(fd)) ||
	     !socket_path(vm->pid, atoi(fd), path, sizeof(path))))
		return false;
	snprintf(vm->agent, sizeof(vm->agent), "unix:/proc/%d/%s%s", vm->pid,
		 *path == '/' ? "root" : "cwd/", path);
	return true;
}

/* ---- a vsock: many guests have one, few an agent there ---- */

static bool find_vsock(struct topology_vm *vm, const char *words, size_t bytes)
{
	bool found = false;

	for (const char *w = words; !found && w < words + bytes; w += strlen(w) + 1) {
		struct channel c;
		char cid[16];

		if (!word_value(w, "guest-cid", cid, sizeof(cid)))
			continue;
		snprintf(vm->agent, sizeof(vm->agent), "vsock:%s", cid);
		found = !channel_open(&c, vm->agent);
		if (found)
			channel_close(&c);
	}
	return found;
}

void topology_find_agent(struct topology_vm *vm)
{
	size_t bytes = 0;
	char *words = process_words(vm->pid, &bytes);
	bool found = find_memory(vm) ||
		     (words && (find_serial(vm, words, bytes) || find_vsock(vm, words, bytes)));

	if (!found)
		vm->agent[0] = '\0';
	free(words);
}
