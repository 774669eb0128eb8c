/*
 * The VM's cgroup. On version 2 it is the VM's own if it is alone in one (a unit or scope of
 * systemd's, a container), else one made below the root; on version 1, one below where it is,
 * in each controller's hierarchy. A controller that the parent does not hand on yet is switched
 * on there, and off again by the last VM that needed it.
 */
#include "scenarios/remedies/cgroup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/proc.h"

#define SCOPE_MS 5000

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* ---- where the VM is ---- */

/* Its path in the hierarchy of a controller; NULL: version 2's. */
static int own_path(const struct remedy_vm *vm, const char *controller, char path[PATH_MAX])
{
	char file[PATH_MAX], line[PATH_MAX + 256];
	FILE *f;
	int found = -1;

	snprintf(file, sizeof(file), "%s/proc/%d/cgroup", vm->root, vm->pid);
	f = fopen(file, "re");
	if (!f)
		return err_errno("read %s: does the VM still run?", file);
	while (found && fgets(line, sizeof(line), f)) {
		char *save = NULL, *controllers = strchr(line, ':');
		char *where = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!where)
			continue;
		*where++ = '\0';
		where[strcspn(where, "\n")] = '\0';
		if (!controller && !strcmp(line, "0:"))
			found = 0;
		for (char *c = strtok_r(controllers + 1, ",", &save); controller && c && found;
		     c = strtok_r(NULL, ",", &save))
			found = strcmp(c, controller) ? -1 : 0;
		if (!found)
			snprintf(path, PATH_MAX, "%s", where);
	}
	fclose(f);
	return found ? err_set("%s names no cgroup of %s", file,
			       controller ? controller : "version 2")
		     : 0;
}

struct others {
	pid_t pid;
	unsigned int count;
};

static bool count_other(void *ctx, pid_t pid)
{
	struct others *o = ctx;

	o->count += pid != o->pid;
	return true;
}

/* ---- version 2 ---- */

static bool owned_by_systemd(const struct remedy_vm *vm)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run/systemd/system", vm->root);
	return exists(path);
}

/* Have systemd put the VM into a scope of its own; it goes with the VM. */
static int make_scope(const struct remedy_vm *vm, const char *before)
{
	char unit[48], pid[16], now[PATH_MAX];
	const char *const argv[] = {"busctl",
				    "--quiet",
				    "call",
				    "org.freedesktop.systemd1",
				    "/org/freedesktop/systemd1",
				    "org.freedesktop.systemd1.Manager",
				    "StartTransientUnit",
				    "ssa(sv)a(sa(sv))",
				    unit,
				    "fail",
				    "2",
				    "PIDs",
				    "au",
				    "1",
				    pid,
				    "Delegate",
				    "b",
				    "true",
				    "0",
				    NULL};

	snprintf(unit, sizeof(unit), "strata-vm-%d.scope", vm->pid);
	snprintf(pid, sizeof(pid), "%d", vm->pid);
	if (proc_run(argv, NULL, SCOPE_MS, NULL))
		return err_add("have systemd give the VM a scope of its own");
	for (int i = 0; i < CGROUP_TRIES; i++) {
		if (own_path(vm, NULL, now))
			return -1;
		if (strcmp(now, before))
			return 0;
		cgroup_nap();
	}
	return err_set("systemd made %s, but the VM is still in %s", unit, before);
}

/* The VM's own cgroup, if it is alone in it; else where to make one. -1 with a sentence. */
static int place_v2(const struct remedy_vm *vm, char dir[PATH_MAX], char back[PATH_MAX],
		    bool may_scope)
{
	char path[PATH_MAX];
	struct others o = {.pid = vm->pid};

	if (own_path(vm, NULL, path))
		return -1;
	snprintf(back, PATH_MAX, "%.64s/sys/fs/cgroup%.4000s", vm->root,
		 strcmp(path, "/") ? path : "");
	if (!strcmp(path, "/")) {
		snprintf(dir, PATH_MAX, "%.4000s/strata-vm-%d", back, vm->pid);
		return 0;
	}
	if (cgroup_each(back, count_other, &o))
		return -1;
	snprintf(dir, PATH_MAX, "%s", back);
	if (!o.count)
		return 0;
	if (may_scope && owned_by_systemd(vm))
		return make_scope(vm, path) ? -1 : place_v2(vm, dir, back, false);
	return err_set(
		"the VM shares its cgroup %s with %u other processes, so that limits for "
		"the one would be limits for all: start it in one of its own (systemd-run "
		"--scope -p Delegate=yes strata vm run ...)",
		path, o.count);
}

static int prepare_v2(struct remedy_vm *vm, const char *controller, char dir[PATH_MAX])
{
	json_t *item = record_find(vm, &undo_cgroup, "controller", "");
	char back[PATH_MAX];

	if (item)
		snprintf(dir, PATH_MAX, "%s", record_text(item, "path"));
	else if (place_v2(vm, dir, back, true))
		return -1;
	/* First, that it is undone last. */
	if (controller && cgroup_enable(vm, dir, controller))
		return -1;
	if (item || !strcmp(dir, back))
		return 0;
	return cgroup_make(vm, "", dir, back) ? -1 : cgroup_enter(dir, vm->pid);
}

static int look_v2(const struct remedy_vm *vm, char dir[PATH_MAX])
{
	char path[PATH_MAX];

	if (own_path(vm, NULL, path))
		return -1;
	snprintf(dir, PATH_MAX, "%.64s/sys/fs/cgroup%.4000s", vm->root,
		 strcmp(path, "/") ? path : "");
	return 0;
}

/* ---- version 1 ---- */

/* Where the VM is in that hierarchy, or, if that is outside of what we see, its root. */
static int base_v1(const struct remedy_vm *vm, const char *controller, char dir[PATH_MAX])
{
	char path[PATH_MAX];
	int n;

	if (own_path(vm, controller, path))
		return -1;
	n = snprintf(dir, PATH_MAX, "%.64s/sys/fs/cgroup/%s%.4000s", vm->root, controller,
		     path);
	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	if (!exists(dir))
		snprintf(dir, PATH_MAX, "%.64s/sys/fs/cgroup/%.32s", vm->root, controller);
	return 0;
}

/* A new cpuset is empty, and takes no process. */
static int fill_cpuset(const char *dir, const char *parent)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char from[PATH_MAX + 16], to[PATH_MAX + 16], text[4096];

	for (size_t i = 0; i < 2; i++) {
		snprintf(from, sizeof(from), "%s/%s", parent, files[i]);
		snprintf(to, sizeof(to), "%s/%s", dir, files[i]);
		if (file_text(text, sizeof(text), from) || file_write(to, text))
			return -1;
	}
	return 0;
}

static int prepare_v1(struct remedy_vm *vm, const char *controller, char dir[PATH_MAX])
{
	json_t *item = record_find(vm, &undo_cgroup, "controller", controller);
	char base[PATH_MAX];

	if (item) {
		snprintf(dir, PATH_MAX, "%s", record_text(item, "path"));
		return 0;
	}
	if (base_v1(vm, controller, base))
		return -1;
	snprintf(dir, PATH_MAX, "%.4000s/strata-vm-%d", base, vm->pid);
	if (cgroup_make(vm, controller, dir, base) ||
	    (!strcmp(controller, "cpuset") && fill_cpuset(dir, base)))
		return -1;
	return cgroup_enter(dir, vm->pid);
}

/* ---- which version ---- */

/* 2, 1, or -1 with a sentence. */
static int version_of(const struct remedy_vm *vm, const char *controller)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/cgroup.controllers", vm->root);
	if (exists(path))
		return 2;
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s/cgroup.procs", vm->root, controller);
	if (exists(path))
		return 1;
	return err_set(
		"no cgroups for \"%s\" below %s/sys/fs/cgroup; \"mount -t cgroup2 cgroup2 "
		"/sys/fs/cgroup\" if the kernel's are not in use",
		controller, vm->root);
}

/* Version 1 has it in blkio. */
static const char *name_in(int version, const char *controller)
{
	return version == 1 && !strcmp(controller, "io") ? "blkio" : controller;
}

static int version_for(const struct remedy_vm *vm, const char *controller, const char *file,
		       const char *file_v1)
{
	int version = version_of(vm, name_in(1, controller));

	if (version != 1 || file_v1)
		return version;
	return err_set(
		"%s: this host has cgroups of version 1 for \"%s\", which know nothing like "
		"it; boot with systemd.unified_cgroup_hierarchy=1",
		file, controller);
}

int cgroup_file(struct remedy_vm *vm, const char *controller, const char *file,
		const char *file_v1, char path[PATH_MAX], int *version)
{
	char dir[PATH_MAX];
	int v = version_for(vm, controller, file, file_v1);

	if (v < 0 || (v == 2 ? prepare_v2(vm, controller, dir)
			     : prepare_v1(vm, name_in(1, controller), dir)))
		return -1;
	snprintf(path, PATH_MAX, "%.4000s/%s", dir, v == 2 ? file : file_v1);
	*version = v;
	return exists(path) ? 0 : err_set("there is no %s: this kernel does not know it", path);
}

int cgroup_look(struct remedy_vm *vm, const char *controller, const char *file,
		const char *file_v1, char path[PATH_MAX], int *version)
{
	char dir[PATH_MAX];
	int v = version_for(vm, controller, file, file_v1);

	if (v < 0 || (v == 2 ? look_v2(vm, dir) : base_v1(vm, name_in(1, controller), dir)))
		return -1;
	snprintf(path, PATH_MAX, "%.4000s/%s", dir, v == 2 ? file : file_v1);
	*version = v;
	return 0;
}

int remedy_cgroup(struct remedy_vm *vm, char *path, size_t bytes, int *version)
{
	char dir[PATH_MAX], prefix[PATH_MAX];
	int lock = record_lock(vm->root), v, result = -1;

	if (lock < 0)
		return -1;
	v = version_of(vm, "cpu");
	if (v > 0)
		result = v == 2 ? prepare_v2(vm, NULL, dir) : prepare_v1(vm, "cpu", dir);
	close(lock);
	if (result)
		return -1;
	snprintf(prefix, sizeof(prefix), "%s/sys/fs/cgroup%s", vm->root, v == 2 ? "" : "/cpu");
	snprintf(path, bytes, "%s", dir + strlen(prefix));
	*version = v;
	return 0;
}
