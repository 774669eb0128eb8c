/* One at a time: see lock.h. */
#include "scenarios/run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/threads.h"
#include "scenarios/remedies/remedies.h"

#define FOLDER      "/run/strata/run"
#define LOCK        FOLDER "/current"
#define NOTE_MAX    (2 * PATH_MAX)
#define CMDLINE_MAX 16384
#define GONE_TRIES  200 /* of 50 ms */
#define GONE_EVERY  50000000L

static json_t *read_note(int fd)
{
	char text[NOTE_MAX];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	return n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
}

static const char *text_of(const json_t *note, const char *key)
{
	const char *s = json_string_value(json_object_get(note, key));

	return s ? s : "";
}

static int taken(int fd)
{
	json_t *note = read_note(fd);

	err_set("the scenario %s is running (process %lld, results in %s): one at a time, or both "
		"would measure each other",
		text_of(note, "scenario"),
		(long long)json_integer_value(json_object_get(note, "pid")),
		text_of(note, "folder"));
	json_decref(note);
	close(fd);
	return -1;
}

/* ---- what a dead run has left ---- */

struct hunt {
	char mark[PATH_MAX]; /* that its VMs' command lines have */
	unsigned int found, ending;
};

/* Its command line, as much as there is; 0 bytes of a process that is ending: the kernel takes
 * the memory first, and KVM's part of it takes a while. */
static size_t command_line(pid_t pid, char line[CMDLINE_MAX])
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, line, CMDLINE_MAX);
	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

/* One of the dead run's is killed; one that is ending is waited for, whoever's it is. */
static bool kill_vm(void *ctx, pid_t pid, const char *name)
{
	char line[CMDLINE_MAX];
	struct hunt *h = ctx;
	size_t n;

	if (strcmp(name, "strata-vmm") != 0)
		return true;
	n = command_line(pid, line);
	if (memmem(line, n, h->mark, strlen(h->mark))) {
		h->found++;
		kill(pid, SIGKILL);
	} else if (!n && threads_start(pid)) {
		h->ending++;
	}
	return true;
}

/* They die with their parent; one that cannot is helped. */
static int end_machines(const json_t *note, FILE *told)
{
	const struct timespec pause = {.tv_nsec = GONE_EVERY};
	struct hunt h;

	snprintf(h.mark, sizeof(h.mark), "%s/run/", text_of(note, "given"));
	for (int i = 0; i < GONE_TRIES; i++) {
		h.found = h.ending = 0;
		threads_each("/proc", kill_vm, &h);
		if (!h.found && !h.ending)
			return 0;
		if (!i && h.found)
			fprintf(told, "%u VMs of it still ran and are ended\n", h.found);
		nanosleep(&pause, NULL);
	}
	return err_set("%u VMs of scenario %s do not end", h.found + h.ending,
		       text_of(note, "scenario"));
}

static int clean(int fd, FILE *told)
{
	json_t *note = read_note(fd);
	char path[PATH_MAX];
	int result = 0;

	if (note) {
		fprintf(told,
			"scenario %s was killed (process %lld): its leftovers are removed\n",
			text_of(note, "scenario"),
			(long long)json_integer_value(json_object_get(note, "pid")));
		result = end_machines(note, told);
		snprintf(path, sizeof(path), "%.4000s/run", text_of(note, "folder"));
		if (*text_of(note, "folder") && !rmdir(path))
			fprintf(told, "removed %s\n", path);
	}
	if (remedy_sweep(NULL, told))
		result = -1;
	json_decref(note);
	if (!result && ftruncate(fd, 0))
		result = err_errno("empty " LOCK);
	return result;
}

int lock_take(FILE *told)
{
	int fd;

	if (path_make_folder(FOLDER))
		return -1;
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("open " LOCK " (needs root)");
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? taken(fd) : err_errno("lock " LOCK);
	if (!clean(fd, told))
		return fd;
	close(fd);
	return -1;
}

int lock_note(int fd, const char *scenario, const char *folder)
{
	char *whole = realpath(folder, NULL), *text;
	json_t *note = json_pack("{s:s,s:i,s:s,s:s}", "scenario", scenario, "pid", getpid(),
				 "given", folder, "folder", whole ? whole : folder);
	int result;

	text = json_dumps(note, JSON_COMPACT);
	json_decref(note);
	free(whole);
	result = text && pwrite(fd, text, strlen(text), 0) == (ssize_t)strlen(text)
			 ? 0
			 : err_errno("write " LOCK);
	free(text);
	return result;
}

void lock_release(int fd)
{
	if (ftruncate(fd, 0))
		fprintf(stderr, "strata-run: cannot empty " LOCK "\n");
	close(fd);
}
