/* What was made, in files under /run/strata/net: see plumbing.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/now.h"
#include "lib/paths.h"
#include "lib/plumbing_work.h"
#include "lib/threads.h"

#define FOLDER "/run/strata/net"
#define LOCK   FOLDER "/.lock"

static void path_of(char *path, const char *name, const char *suffix)
{
	snprintf(path, PATH_MAX, FOLDER "/%s.json%s", name, suffix);
}

int state_lock(void)
{
	int fd;

	if (path_make_folder(FOLDER))
		return -1;
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("open %s (needs root)", LOCK);
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		err_errno("lock %s", LOCK);
		close(fd);
		return -1;
	}
	return fd;
}

int state_load(const char *name, json_t **out)
{
	char path[PATH_MAX];
	json_error_t why;

	*out = NULL;
	path_of(path, name, "");
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	*out = json_load_file(path, 0, &why);
	return *out ? 0 : err_set("%s: %s (line %d)", path, why.text, why.line);
}

json_t *state_load_all(void)
{
	json_t *all = json_array(), *state;
	struct dirent *e;
	DIR *d = opendir(FOLDER);

	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		char name[NAME_MAX + 1];

		if (e->d_name[0] == '.' || n < 6 || strcmp(e->d_name + n - 5, ".json"))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)n - 5, e->d_name);
		if (state_load(name, &state)) {
			closedir(d);
			json_decref(all);
			return NULL;
		}
		json_array_append_new(all, state);
	}
	if (d)
		closedir(d);
	return all;
}

int state_save(const json_t *state)
{
	const char *name = item_text(state, "name");
	char path[PATH_MAX], fresh[PATH_MAX];
	int fd, bad;

	path_of(path, name, "");
	path_of(fresh, name, ".new");
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno("open %s", fresh);
	bad = json_dumpfd(state, fd, JSON_INDENT(1)) || fsync(fd);
	if (close(fd) || bad || rename(fresh, path)) {
		err_errno("write %s", path);
		unlink(fresh);
		return -1;
	}
	return 0;
}

int state_forget(const char *name)
{
	char path[PATH_MAX];

	path_of(path, name, "");
	return unlink(path) && errno != ENOENT ? err_errno("remove %s", path) : 0;
}

/* ---- where and when it was made ---- */

static json_t *boot_id(void)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char line[64] = "";

	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		fclose(f);
	}
	line[strcspn(line, "\n")] = '\0';
	return json_string(line);
}

/* A network namespace's number, never used twice in one boot (SO_NETNS_COOKIE, Linux 5.14). */
static json_t *netns_cookie(void)
{
	unsigned long long cookie = 0;
	socklen_t length = sizeof(cookie);
	char text[24];
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s >= 0) {
		if (getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length))
			cookie = 0;
		close(s);
	}
	snprintf(text, sizeof(text), "%llu", cookie);
	return json_string(text);
}

static json_int_t netns_number(void)
{
	int fd = netns_of_pid(0);
	json_int_t inode = fd < 0 ? 0 : netns_inode(fd);

	if (fd >= 0)
		close(fd);
	return inode;
}

json_t *state_new(const struct plumbing *p)
{
	char now[NOW_UTC_MAX];
	json_t *options = json_pack(
		"{s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:i,s:i,s:s*,s:s*,s:i}", "switch", p->way,
		"bridge", p->bridge, "uplink", p->uplink, "tap", p->tap, "mode", p->mode,
		"user", p->user, "mac", p->mac, "queues", p->queues, "vlan", p->vlan,
		"passthrough", p->device, "of", p->of, "vf", p->vf);
	json_t *state =
		json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:b,s:o,s:[],s:[]}", "schema",
			  "strata.net/1", "name", p->name, "made", now_utc(now), "boot",
			  boot_id(), "netns_cookie", netns_cookie(), "netns", netns_number(),
			  "complete", 0, "options", options, "uses", "items");

	if (state && p->owner)
		json_object_set_new(state, "owner",
				    json_pack("{s:I,s:I}", "pid", (json_int_t)p->owner, "start",
					      (json_int_t)threads_start(p->owner)));
	return state;
}

bool state_owner_lives(const json_t *state)
{
	const json_t *owner = json_object_get(state, "owner");
	pid_t pid = (pid_t)json_integer_value(json_object_get(owner, "pid"));

	return !owner || (json_int_t)threads_start(pid) ==
				 json_integer_value(json_object_get(owner, "start"));
}

/* A process in the network namespace of that number, 0 if there is none. */
static pid_t process_in(json_int_t netns)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	pid_t found = 0;

	while (d && !found && (e = readdir(d))) {
		char path[64];
		struct stat st;
		pid_t pid = atoi(e->d_name);

		snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
		if (pid > 0 && !stat(path, &st) && (json_int_t)st.st_ino == netns)
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}

enum state_reach state_reach(const json_t *state)
{
	json_int_t netns = json_integer_value(json_object_get(state, "netns"));
	json_t *boot = boot_id(), *cookie = netns_cookie();
	enum state_reach result = REACH_HERE;
	pid_t pid;

	if (!json_equal(boot, json_object_get(state, "boot")))
		result = REACH_REBOOTED;
	else if (json_equal(cookie, json_object_get(state, "netns_cookie")))
		result = REACH_HERE;
	else if (netns != netns_number() && (pid = process_in(netns)))
		result = err_set("%s was made in another network namespace: \"nsenter -n -t %d "
				 "strata net down %s\"",
				 item_text(state, "name"), pid, item_text(state, "name"));
	else
		result = REACH_NETNS_GONE;
	json_decref(boot);
	json_decref(cookie);
	return result;
}
