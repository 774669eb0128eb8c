/* A VM that settings are made for, and how one is made, told and put back: see remedies.h. */
#include "scenarios/remedies/remedies.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/threads.h"
#include "lib/vm.h"
#include "scenarios/remedies/internal.h"

#define ASK_MS 10000

static int learn(struct remedy_vm *vm, const char *control)
{
	vm->status = vm_do(control, "status", ASK_MS);
	if (!vm->status)
		return -1;
	if (!realpath(control, vm->control))
		return err_errno("control socket %s", control);
	vm->pid = (pid_t)json_integer_value(json_object_get(vm->status, "pid"));
	snprintf(vm->name, sizeof(vm->name), "%s", record_text(vm->status, "name"));
	return 0;
}

/* What was made is looked up; what is left of another process of that number is put back. */
static int load(struct remedy_vm *vm)
{
	json_decref(vm->record);
	vm->record = record_load(vm->root, vm->pid, vm->start);
	if (!vm->record)
		return -1;
	if (item_number(vm->record, "start") != (long long)vm->start) {
		if (record_undo(vm, 0, NULL))
			return err_add("put back what a process of the same number has left");
		json_object_set_new(vm->record, "start", json_integer((json_int_t)vm->start));
	}
	json_object_set_new(vm->record, "name", json_string(vm->name));
	json_object_set_new(vm->record, "control", json_string(vm->control));
	return 0;
}

struct remedy_vm *remedy_vm_open(const char *control, pid_t pid, const char *root)
{
	struct remedy_vm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		err_errno("open a VM");
		return NULL;
	}
	vm->root = root ? root : "";
	vm->pid = pid;
	snprintf(vm->name, sizeof(vm->name), "%d", pid);
	if (control && learn(vm, control))
		goto fail;
	vm->start = threads_start(vm->pid);
	if (!vm->start) {
		err_set("there is no process %d", vm->pid);
		goto fail;
	}
	if (!load(vm))
		return vm;
fail:
	remedy_vm_close(vm);
	return NULL;
}

void remedy_vm_close(struct remedy_vm *vm)
{
	if (!vm)
		return;
	json_decref(vm->status);
	json_decref(vm->record);
	free(vm);
}

/* ---- by name ---- */

struct search {
	const char *name;
	pid_t pid;
	char control[PATH_MAX];
	int found;
};

/* The value of an option in a command line whose words end with NUL; "" if it has none. */
static void option_of(const char *words, size_t bytes, const char *option, char *value,
		      size_t room)
{
	size_t n = strlen(option);

	value[0] = '\0';
	for (const char *w = words; w < words + bytes; w += strlen(w) + 1) {
		const char *next = w + strlen(w) + 1;

		if (strncmp(w, option, n))
			continue;
		if (w[n] == '=')
			snprintf(value, room, "%s", w + n + 1);
		else if (!w[n] && next < words + bytes)
			snprintf(value, room, "%s", next);
	}
}

static bool look_at(void *ctx, pid_t pid, const char *comm)
{
	struct search *s = ctx;
	char path[64], words[8192], name[64], control[PATH_MAX];
	ssize_t n;
	int fd;

	if (strcmp(comm, "strata-vmm"))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return true;
	words[n] = '\0';
	option_of(words, (size_t)n, "--name", name, sizeof(name));
	option_of(words, (size_t)n, "--control", control, sizeof(control));
	if (s->pid ? s->pid != pid : strcmp(name, s->name) != 0)
		return true;
	/* Its paths are below its own working folder. */
	if (control[0] && control[0] != '/')
		snprintf(s->control, sizeof(s->control), "/proc/%d/cwd/%.4000s", pid, control);
	else
		snprintf(s->control, sizeof(s->control), "%s", control);
	s->found++;
	return true;
}

struct remedy_vm *remedy_vm_named(const char *text)
{
	uint64_t pid = 0;
	struct search s = {.name = text};

	if (strchr(text, '/'))
		return remedy_vm_open(text, 0, NULL);
	if (text[strspn(text, "0123456789")] == '\0' && !value_number(text, 1, INT32_MAX, &pid))
		s.pid = (pid_t)pid;
	threads_each("/proc", look_at, &s);
	if (s.found > 1) {
		err_set("%d VMs are called \"%s\": name it by its control socket or process id",
			s.found, text);
		return NULL;
	}
	if (s.found && s.control[0])
		return remedy_vm_open(s.control, 0, NULL);
	if (pid)
		return remedy_vm_open(NULL, (pid_t)pid, NULL);
	if (s.found)
		err_set("VM %s has no control socket (--control PATH): name it by its process id, "
			"for the settings that need none",
			text);
	else
		err_set("no VM of strata-vmm is called \"%s\"; a control socket's path and a "
			"process id will do, too",
			text);
	return NULL;
}

pid_t remedy_vm_pid(const struct remedy_vm *vm)
{
	return vm->pid;
}

const char *remedy_vm_name(const struct remedy_vm *vm)
{
	return vm->name;
}

/* ---- settings ---- */

/* Hold the lock, with the record as it is now. */
static int begin(struct remedy_vm *vm)
{
	int lock = record_lock(vm->root);

	if (lock >= 0 && load(vm)) {
		close(lock);
		return -1;
	}
	return lock;
}

/* Undo what was made since, and keep the sentence why. */
static int give_up(struct remedy_vm *vm, size_t from, const char *name)
{
	char why[600];

	snprintf(why, sizeof(why), "%s", err_text());
	if (record_undo(vm, from, NULL))
		return err_set("%s: %s; and %s", name, why, err_text());
	return err_set("%s: %s", name, why);
}

int remedy_set(struct remedy_vm *vm, const char *name, const char *text)
{
	const struct remedy *r = remedy_find(name);
	int lock, result = 0;
	size_t from;

	if (!r || remedy_check(name, text))
		return -1;
	lock = begin(vm);
	if (lock < 0)
		return -1;
	from = record_items(vm);
	vm->now = name;
	if (r->apply(vm, r, text))
		result = give_up(vm, from, name);
	vm->now = NULL;
	close(lock);
	return result;
}

static bool is_set(const struct remedy_vm *vm, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(vm->record, "items"), i, item)
		if (!strcmp(record_text(item, "setting"), name))
			return true;
	return false;
}

json_t *remedy_get(struct remedy_vm *vm, const char *name)
{
	const struct remedy *r = remedy_find(name);
	json_t *value, *o;

	if (!r)
		return NULL;
	vm->now = name;
	value = r->read(vm, r);
	vm->now = NULL;
	o = json_pack("{s:s,s:s,s:b}", "name", name, "kind", remedy_kind_name(r->kind), "set",
		      is_set(vm, name));
	json_object_set_new(o, "value", value ? value : json_null());
	if (!value)
		json_object_set_new(o, "why", json_string(err_text()));
	return o;
}

int remedy_unset(struct remedy_vm *vm, const char *name)
{
	int lock, result;

	if (!remedy_find(name))
		return -1;
	lock = begin(vm);
	if (lock < 0)
		return -1;
	result = record_undo(vm, 0, name);
	close(lock);
	return result ? err_add("%s", name) : 0;
}

int remedy_undo(struct remedy_vm *vm)
{
	int lock = record_lock(vm->root), result;

	if (lock < 0)
		return -1;
	json_decref(vm->record);
	vm->record = record_load(vm->root, vm->pid, vm->start);
	result = vm->record ? record_undo(vm, 0, NULL) : -1;
	close(lock);
	return result ? err_add("VM %s", vm->name) : 0;
}

json_t *remedy_made(struct remedy_vm *vm)
{
	return json_deep_copy(vm->record);
}

/* ---- the guardian ---- */

/* Never returns. Holds nothing that is somebody else's: no output, no terminal, no group. */
static void guard(const char *root, pid_t pid, uint64_t start, int pidfd)
{
	struct pollfd p = {.fd = 3, .events = POLLIN};
	struct remedy_vm vm = {.root = root, .pid = pid, .start = start};
	int null = open("/dev/null", O_RDWR);

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(pidfd, 3);
	close_range(4, ~0U, 0);
	if (chdir("/"))
		_exit(1);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	_exit(remedy_undo(&vm) ? 1 : 0);
}

/* One that waits for this VM already? */
static bool guarded(const struct remedy_vm *vm)
{
	pid_t pid = (pid_t)item_number(vm->record, "guardian");

	return pid && threads_start(pid) == (uint64_t)item_number(vm->record, "guardian_start");
}

int remedy_guard(struct remedy_vm *vm)
{
	int pidfd, status, told[2];
	pid_t child, guardian = 0;

	if (guarded(vm) || !record_items(vm))
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, vm->pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : err_errno("wait for the end of VM %s", vm->name);
	if (pipe(told)) {
		close(pidfd);
		return err_errno("start a guardian");
	}
	child = fork();
	if (!child) {
		/* A grandchild, which nobody has to reap. */
		guardian = fork();
		if (!guardian)
			guard(vm->root, vm->pid, vm->start, pidfd);
		_exit(write(told[1], &guardian, sizeof(guardian)) != sizeof(guardian));
	}
	close(pidfd);
	close(told[1]);
	if (child > 0)
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	if (child < 0 || read(told[0], &guardian, sizeof(guardian)) != sizeof(guardian))
		guardian = 0;
	close(told[0]);
	if (guardian <= 0)
		return err_set(
			"cannot start the process that puts things back when VM %s ends; "
			"\"strata vm cleanup\" does, then",
			vm->name);
	return record_guardian(vm, guardian, threads_start(guardian));
}
