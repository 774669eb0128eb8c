/* Cgroups and controllers, made, switched on and undone: see cgroup.h. */
#include "scenarios/remedies/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"

#define OWNER "cgroup" /* the cgroup is nobody's setting, but goes with the last of them */

void cgroup_nap(void)
{
	struct timespec t = {.tv_nsec = 10000000};

	nanosleep(&t, NULL);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* Is the word in a file that is a list of them? */
static bool has_word(const char *path, const char *word)
{
	char text[512], *save = NULL;

	if (file_text(text, sizeof(text), path))
		return false;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (!strcmp(w, word))
			return true;
	return false;
}

int cgroup_each(const char *dir, bool (*each)(void *ctx, pid_t pid), void *ctx)
{
	char path[PATH_MAX], *text, *save = NULL;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	text = file_whole(path);
	if (!text)
		return -1;
	for (char *w = strtok_r(text, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
		if (!each(ctx, atoi(w)))
			break;
	free(text);
	return 0;
}

int cgroup_enter(const char *dir, pid_t pid)
{
	char path[PATH_MAX], number[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	snprintf(number, sizeof(number), "%d", pid);
	return file_write(path, number);
}

/* As record_begin(), for what belongs to no setting. */
static int begin(struct remedy_vm *vm, const struct undo_kind *kind, json_t *item)
{
	const char *setting = vm->now;
	int result;

	vm->now = OWNER;
	result = record_begin(vm, kind, item);
	vm->now = setting;
	return result;
}

int cgroup_make(struct remedy_vm *vm, const char *controller, const char *dir, const char *back)
{
	if (begin(vm, &undo_cgroup,
		  json_pack("{s:s,s:s,s:s}", "controller", controller, "path", dir, "back",
			    back)))
		return -1;
	if (mkdir(dir, 0755) && errno != EEXIST)
		return err_errno("make the cgroup %s (may you write there?)", dir);
	return 0;
}

struct move {
	const char *to;
	int failed;
};

static bool move_one(void *ctx, pid_t pid)
{
	struct move *m = ctx;

	if (cgroup_enter(m->to, pid) && errno != ESRCH)
		m->failed = -1;
	return true;
}

static int cgroup_undo(struct remedy_vm *vm, const json_t *item)
{
	const char *dir = record_text(item, "path");
	struct move m = {.to = record_text(item, "back")};

	(void)vm;
	for (int i = 0; i < CGROUP_TRIES && exists(dir); i++) {
		/* Of one that has ended, the kernel may still be clearing up. */
		if (i)
			cgroup_nap();
		m.failed = 0;
		if (cgroup_each(dir, move_one, &m))
			return -1;
		if (!rmdir(dir) || errno == ENOENT)
			return 0;
		if (errno != EBUSY && errno != EINTR)
			break;
	}
	return exists(dir) ? err_errno("remove the cgroup %s", dir) : 0;
}

const struct undo_kind undo_cgroup = {"cgroup", cgroup_undo};

/* Does the record of another VM need that controller of that cgroup? */
static json_t *needed_elsewhere(const struct remedy_vm *vm, const char *path,
				const char *controller)
{
	json_t *all = remedy_made_all(vm->root), *record, *item, *found = NULL;
	size_t i, j;

	json_array_foreach (all, i, record) {
		if (item_number(record, "pid") == vm->pid)
			continue;
		json_array_foreach (json_object_get(record, "items"), j, item)
			if (!found &&
			    !strcmp(record_text(item, "kind"), undo_controllers.name) &&
			    !strcmp(record_text(item, "path"), path) &&
			    !strcmp(record_text(item, "controller"), controller))
				found = json_incref(item);
	}
	json_decref(all);
	return found;
}

static int controllers_undo(struct remedy_vm *vm, const json_t *item)
{
	const char *path = record_text(item, "path"), *name = record_text(item, "controller");
	json_t *other = needed_elsewhere(vm, path, name);
	char text[64];

	if (other || !exists(path)) {
		json_decref(other);
		return 0;
	}
	snprintf(text, sizeof(text), "-%s", name);
	return file_write(path, text);
}

const struct undo_kind undo_controllers = {"controllers", controllers_undo};

int cgroup_enable(struct remedy_vm *vm, const char *dir, const char *controller)
{
	char parent[PATH_MAX], file[PATH_MAX + 32], text[64];
	json_t *item;
	bool on;

	snprintf(parent, sizeof(parent), "%s", dir);
	*strrchr(parent, '/') = '\0';
	snprintf(file, sizeof(file), "%s/cgroup.controllers", parent);
	if (!has_word(file, controller))
		return err_set(
			"the controller \"%s\" is not to be had in %s: a cgroup above does "
			"not hand it on, or the kernel lacks it",
			controller, parent);
	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", parent);
	on = has_word(file, controller);
	item = on ? needed_elsewhere(vm, file, controller) : NULL;
	json_decref(item);
	if ((on && !item) || record_find(vm, &undo_controllers, "key", controller))
		return 0;
	if (begin(vm, &undo_controllers,
		  json_pack("{s:s,s:s,s:s}", "path", file, "controller", controller, "key",
			    controller)))
		return -1;
	snprintf(text, sizeof(text), "+%s", controller);
	if (!on && file_write(file, text))
		return err_add(
			errno == EBUSY
				? "processes in that cgroup itself are in the way: start "
				  "the VM in a cgroup of its own"
				: "switch the controller on");
	return 0;
}
