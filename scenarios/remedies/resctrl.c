/*
 * Cache and memory bandwidth, where the processor shares them out (Intel RDT, AMD PQoS): a
 * group of resctrl with the VM's threads in it (Documentation/arch/x86/resctrl.rst).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/threads.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define OWNER "resctrl" /* of the group, which no single setting owns */

const struct resctrl_row row_l3 = {"L3", "sharing out the last-level cache (cat_l3)"},
			 row_mba = {"MB", "sharing out memory bandwidth (mba)"};

static int folder_undo(struct remedy_vm *vm, const json_t *item)
{
	(void)vm;
	if (!rmdir(record_text(item, "path")) || errno == ENOENT)
		return 0;
	return err_errno("remove the group %s", record_text(item, "path"));
}

const struct undo_kind undo_folder = {"folder", folder_undo};

/* The line of a resource in a schemata file: "L3:0=fff;1=fff". -1: there is none. */
static int line_of(const char *path, const char *resource, char *line, size_t bytes)
{
	char *text = file_whole(path), *save = NULL;
	size_t n = strlen(resource);
	int found = -1;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l && found;
	     l = strtok_r(NULL, "\n", &save)) {
		l += strspn(l, " ");
		if (strncmp(l, resource, n) || l[n] != ':')
			continue;
		snprintf(line, bytes, "%s", l);
		found = 0;
	}
	free(text);
	return found;
}

/* Is it to be had here? -1 with a sentence. */
static int look(const struct remedy_vm *vm, const struct resctrl_row *row, char *line,
		size_t bytes)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/fs/resctrl", vm->root);
	if (access(path, F_OK))
		return err_set(
			"this processor, or its kernel, does not know %s: there is no %s",
			row->what, path);
	snprintf(path, sizeof(path), "%s/sys/fs/resctrl/schemata", vm->root);
	if (access(path, F_OK))
		return err_set(
			"resctrl is not mounted: mount -t resctrl resctrl /sys/fs/resctrl");
	return line_of(path, row->resource, line, bytes)
		       ? err_set("this processor does not know %s: %s has no line \"%s\"",
				 row->what, path, row->resource)
		       : 0;
}

static void group_of(const struct remedy_vm *vm, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.64s/sys/fs/resctrl/strata-vm-%d", vm->root, vm->pid);
}

struct entry {
	char tasks[PATH_MAX + 8];
	int failed;
};

static bool enter(void *ctx, pid_t tid, const char *name)
{
	struct entry *e = ctx;
	char number[16];

	(void)name;
	snprintf(number, sizeof(number), "%d", tid);
	if (file_write(e->tasks, number) && errno != ESRCH)
		e->failed = -1;
	return !e->failed;
}

static int make_group(struct remedy_vm *vm, const char *group)
{
	const char *setting = vm->now;
	struct entry e = {.failed = 0};
	char threads[64];
	int result;

	if (record_find(vm, &undo_folder, "path", group))
		return 0;
	vm->now = OWNER;
	result = record_begin(vm, &undo_folder, json_pack("{s:s}", "path", group));
	vm->now = setting;
	if (result)
		return -1;
	if (mkdir(group, 0755) && errno != EEXIST)
		return err_errno("make the group %s (has the processor no more of them?)",
				 group);
	snprintf(e.tasks, sizeof(e.tasks), "%s/tasks", group);
	snprintf(threads, sizeof(threads), "/proc/%d/task", vm->pid);
	threads_each(threads, enter, &e);
	return e.failed;
}

/* The line with every domain's value replaced. */
static void fill_line(const char *line, const char *value, char *out, size_t bytes)
{
	size_t used = 0;
	bool skipping = false;

	for (const char *c = line; *c && used + 1 < bytes; c++) {
		if (*c == ';')
			skipping = false;
		if (!skipping)
			out[used++] = *c;
		if (*c == '=') {
			used += (size_t)snprintf(out + used, bytes - used, "%s", value);
			skipping = true;
		}
	}
	out[used < bytes ? used : bytes - 1] = '\0';
}

int check_mask(const char *text)
{
	uint64_t mask;

	return value_mask(text, &mask);
}

int check_percent(const char *text)
{
	char number[8];
	uint64_t n;
	size_t length = strlen(text);

	snprintf(number, sizeof(number), "%s", text);
	if (length < 2 || length > 4 || text[length - 1] != '%')
		return err_set("\"%s\" is no part like 40%%", text);
	number[length - 1] = '\0';
	return value_number(number, 1, 100, &n);
}

int resctrl_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	const struct resctrl_row *row = r->how;
	char line[1024], wanted[1100], value[32], group[PATH_MAX], path[PATH_MAX + 16];
	uint64_t mask;

	if (look(vm, row, line, sizeof(line)))
		return -1;
	if (row == &row_l3 && !value_mask(text, &mask))
		snprintf(value, sizeof(value), "%llx", (unsigned long long)mask);
	else
		snprintf(value, sizeof(value), "%d", atoi(text));
	group_of(vm, group);
	if (make_group(vm, group))
		return -1;
	fill_line(line, value, wanted, sizeof(wanted));
	snprintf(path, sizeof(path), "%s/schemata", group);
	return record_line(vm, path, wanted, line);
}

json_t *resctrl_read(struct remedy_vm *vm, const struct remedy *r)
{
	const struct resctrl_row *row = r->how;
	char line[1024], group[PATH_MAX], path[PATH_MAX + 16];

	if (look(vm, row, line, sizeof(line)))
		return NULL;
	group_of(vm, group);
	snprintf(path, sizeof(path), "%s/schemata", group);
	if (access(path, F_OK) || line_of(path, row->resource, line, sizeof(line)))
		return json_null();
	return json_string(line);
}
