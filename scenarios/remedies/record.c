/* What was made for a VM, in files under /run/strata/vm: see internal.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/threads.h"
#include "scenarios/remedies/internal.h"

#define TEXT_MAX 4096

static const struct undo_kind *const kinds[] = {
	&undo_file, &undo_cgroup, &undo_controllers, &undo_affinity,
	&undo_tc,   &undo_device, &undo_halt_poll,   &undo_folder,
};

static json_t *items_of(const struct remedy_vm *vm)
{
	return json_object_get(vm->record, "items");
}

const char *record_text(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text ? text : "";
}

long long item_number(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

size_t record_items(const struct remedy_vm *vm)
{
	return json_array_size(items_of(vm));
}

int record_lock(const char *root)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s" FOLDER, root);
	if (path_make_folder(path))
		return -1;
	snprintf(path, sizeof(path), "%s" FOLDER "/.lock", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("open %s (needs root)", path);
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		err_errno("lock %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static void path_of(char path[PATH_MAX], const char *root, pid_t pid, const char *suffix)
{
	snprintf(path, PATH_MAX, "%s" FOLDER "/%d.json%s", root, pid, suffix);
}

json_t *record_load(const char *root, pid_t pid, uint64_t start)
{
	char path[PATH_MAX];
	json_error_t why;
	json_t *record;

	path_of(path, root, pid, "");
	if (access(path, F_OK))
		return json_pack("{s:s,s:i,s:I,s:[]}", "schema", "strata.vm/1", "pid", pid,
				 "start", (json_int_t)start, "items");
	record = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (!record || !json_is_array(json_object_get(record, "items"))) {
		err_set("%s: %s (line %d); what it tells of has to be undone by hand", path,
			record ? "it has no items" : why.text, why.line);
		json_decref(record);
		return NULL;
	}
	return record;
}

static int save(const struct remedy_vm *vm)
{
	char path[PATH_MAX], fresh[PATH_MAX];
	int fd, bad;

	path_of(path, vm->root, vm->pid, "");
	path_of(fresh, vm->root, vm->pid, ".new");
	if (!record_items(vm))
		return unlink(path) && errno != ENOENT ? err_errno("remove %s", path) : 0;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("open %s", fresh);
	bad = json_dumpfd(vm->record, fd, JSON_INDENT(1));
	if (close(fd) || bad || rename(fresh, path)) {
		err_errno("write %s", path);
		unlink(fresh);
		return -1;
	}
	return 0;
}

int record_guardian(struct remedy_vm *vm, pid_t pid, uint64_t start)
{
	json_object_set_new(vm->record, "guardian", json_integer(pid));
	json_object_set_new(vm->record, "guardian_start", json_integer((json_int_t)start));
	return save(vm);
}

int record_begin(struct remedy_vm *vm, const struct undo_kind *kind, json_t *item)
{
	json_object_set_new(item, "setting", json_string(vm->now));
	json_object_set_new(item, "kind", json_string(kind->name));
	if (json_array_append_new(items_of(vm), item))
		return err_set("write down what is made: out of memory");
	if (!save(vm))
		return 0;
	json_array_remove(items_of(vm), record_items(vm) - 1);
	return -1;
}

json_t *record_find(const struct remedy_vm *vm, const struct undo_kind *kind, const char *key,
		    const char *value)
{
	json_t *item;
	size_t i;

	json_array_foreach (items_of(vm), i, item)
		if (!strcmp(record_text(item, "kind"), kind->name) &&
		    !strcmp(record_text(item, key), value))
			return item;
	return NULL;
}

int record_write(struct remedy_vm *vm, const char *path, const char *text, const char *undo)
{
	char before[TEXT_MAX];

	if (record_find(vm, &undo_file, "path", path))
		return file_write(path, text);
	if (!undo && file_text(before, sizeof(before), path))
		return -1;
	if (record_begin(vm, &undo_file,
			 json_pack("{s:s,s:s}", "path", path, "before", undo ? undo : before)))
		return -1;
	return file_write(path, text);
}

int record_line(struct remedy_vm *vm, const char *path, const char *text, const char *undo)
{
	char key[PATH_MAX + 200];

	snprintf(key, sizeof(key), "%s %s", path, undo);
	if (!record_find(vm, &undo_file, "key", key) &&
	    record_begin(vm, &undo_file,
			 json_pack("{s:s,s:s,s:s}", "key", key, "path", path, "before", undo)))
		return -1;
	return file_write(path, text);
}

static int file_undo(struct remedy_vm *vm, const json_t *item)
{
	(void)vm;
	if (access(record_text(item, "path"), F_OK) && errno == ENOENT)
		return 0; /* gone with what it was a setting of */
	return file_write(record_text(item, "path"), record_text(item, "before"));
}

const struct undo_kind undo_file = {"file", file_undo};

static int undo_one(struct remedy_vm *vm, const json_t *item)
{
	const char *kind = record_text(item, "kind");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i]->name, kind))
			return kinds[i]->undo(vm, item);
	return err_set("nothing knows how to undo a \"%s\"", kind);
}

int record_undo(struct remedy_vm *vm, size_t from, const char *setting)
{
	json_t *items = items_of(vm);
	char why[512] = "";

	for (size_t i = json_array_size(items); i-- > from;) {
		const json_t *item = json_array_get(items, i);

		if (setting && strcmp(record_text(item, "setting"), setting))
			continue;
		if (undo_one(vm, item))
			snprintf(why, sizeof(why), "%s", err_text());
		else
			json_array_remove(items, i);
	}
	if (save(vm))
		return -1;
	return why[0] ? err_set("%s", why) : 0;
}

/* ---- all of them ---- */

static struct remedy_vm *of_file(const char *root, const char *name)
{
	struct remedy_vm *vm = calloc(1, sizeof(*vm));
	pid_t pid = atoi(name);

	if (!vm)
		return NULL;
	vm->root = root;
	vm->pid = pid;
	vm->record = record_load(root, pid, 0);
	vm->start = (uint64_t)item_number(vm->record, "start");
	snprintf(vm->control, sizeof(vm->control), "%s", record_text(vm->record, "control"));
	snprintf(vm->name, sizeof(vm->name), "%s", record_text(vm->record, "name"));
	return vm;
}

static int each_record(const char *root, int (*each)(struct remedy_vm *vm, void *ctx),
		       void *ctx)
{
	char path[PATH_MAX];
	struct dirent *e;
	int result = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s" FOLDER, root);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		struct remedy_vm *vm;

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || n < 6 ||
		    strcmp(e->d_name + n - 5, ".json"))
			continue;
		vm = of_file(root, e->d_name);
		if (!vm || !vm->record || each(vm, ctx))
			result = -1;
		remedy_vm_close(vm);
	}
	if (d)
		closedir(d);
	return result;
}

static int add_record(struct remedy_vm *vm, void *ctx)
{
	return json_array_append(ctx, vm->record);
}

json_t *remedy_made_all(const char *root)
{
	json_t *all = json_array();

	if (!each_record(root ? root : "", add_record, all))
		return all;
	json_decref(all);
	return NULL;
}

static int sweep_one(struct remedy_vm *vm, void *ctx)
{
	FILE *told = ctx;
	size_t n = record_items(vm);

	if (threads_start(vm->pid) == vm->start)
		return 0;
	if (record_undo(vm, 0, NULL))
		return err_add("VM %s (process %d, which has ended)", vm->name, vm->pid);
	if (told)
		fprintf(told, "VM %s (process %d) has ended: %zu things put back\n", vm->name,
			vm->pid, n);
	return 0;
}

int remedy_sweep(const char *root, FILE *told)
{
	int lock = record_lock(root ? root : ""), result;

	if (lock < 0)
		return -1;
	result = each_record(root ? root : "", sweep_one, told);
	close(lock);
	return result;
}
