/* io.max: what the VM may read and write on the block devices that its images lie on. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define DEVICES_MAX 16

int check_io(const char *text)
{
	struct io_limits l;

	return value_io(text, &l);
}

/* A partition's limits are its disk's. */
static dev_t whole_disk(const struct remedy_vm *vm, dev_t device)
{
	char path[PATH_MAX], text[32];
	unsigned int major, minor;

	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/partition", vm->root,
		 major(device), minor(device));
	if (access(path, F_OK))
		return device;
	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u/../dev", vm->root, major(device),
		 minor(device));
	if (file_text(text, sizeof(text), path) || sscanf(text, "%u:%u", &major, &minor) != 2)
		return device;
	return makedev(major, minor);
}

/* The device that a path is, or lies on. */
static int device_of(const struct remedy_vm *vm, const char *path, dev_t *out)
{
	char where[PATH_MAX];
	struct stat st;

	/* As the VM sees it. */
	snprintf(where, sizeof(where),
		 path[0] == '/' ? "/proc/%d/root%.4000s" : "/proc/%d/cwd/%.4000s", vm->pid,
		 path);
	if (stat(where, &st))
		return err_errno("disk %s", path);
	*out = whole_disk(vm, S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
	return major(*out)
		       ? 0
		       : err_set("%s lies on no block device (tmpfs, overlay, a network?), so "
				 "that io.max cannot limit it; disk.read-bytes and its like "
				 "can, inside the VMM",
				 path);
}

static int add_device(dev_t device, dev_t *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == device)
			return n;
	if (n < DEVICES_MAX)
		list[n++] = device;
	return n;
}

/* Those of the VM's disks; -1 with a sentence. */
static int devices_of(const struct remedy_vm *vm, const char *named, dev_t list[DEVICES_MAX])
{
	json_t *d;
	size_t i;
	int n = 0, disks = 0;

	if (named[0])
		return device_of(vm, named, &list[0]) ? -1 : 1;
	json_array_foreach (json_object_get(vm->status, "devices"), i, d) {
		const char *path = record_text(d, "overlay")[0] ? record_text(d, "overlay")
								: record_text(d, "file");
		dev_t device;

		if (!path[0])
			continue;
		disks++;
		if (!device_of(vm, path, &device))
			n = add_device(device, list, n);
	}
	if (!disks)
		return err_set("VM %s tells of no disk; say which: io.max=/dev/sda:rbps=10M",
			       vm->name);
	return n ? n : -1;
}

static void word(char *text, size_t bytes, const char *key, uint64_t value)
{
	size_t used = strlen(text);

	if (value)
		snprintf(text + used, bytes - used, " %s=%" PRIu64, key, value);
	else
		snprintf(text + used, bytes - used, " %s=max", key);
}

/* In version 2 one file takes a line for each device; its key is the file and the device. */
static int limit_v2(struct remedy_vm *vm, const char *path, dev_t device,
		    const struct io_limits *l)
{
	char text[160], undo[160];

	snprintf(text, sizeof(text), "%u:%u", major(device), minor(device));
	snprintf(undo, sizeof(undo), "%u:%u rbps=max wbps=max riops=max wiops=max",
		 major(device), minor(device));
	word(text, sizeof(text), "rbps", l->rbps);
	word(text, sizeof(text), "wbps", l->wbps);
	word(text, sizeof(text), "riops", l->riops);
	word(text, sizeof(text), "wiops", l->wiops);
	return record_line(vm, path, text, undo);
}

static int limit_v1(struct remedy_vm *vm, const char *path, dev_t device,
		    const struct io_limits *l)
{
	const struct {
		const char *file;
		uint64_t value;
	} files[] = {{"read_bps", l->rbps},
		     {"write_bps", l->wbps},
		     {"read_iops", l->riops},
		     {"write_iops", l->wiops}};
	char file[PATH_MAX + 64], text[64], undo[64];

	for (size_t i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%.*s/blkio.throttle.%s_device",
			 (int)(strrchr(path, '/') - path), path, files[i].file);
		snprintf(text, sizeof(text), "%u:%u %" PRIu64, major(device), minor(device),
			 files[i].value);
		snprintf(undo, sizeof(undo), "%u:%u 0", major(device), minor(device));
		if (record_line(vm, file, text, undo))
			return -1;
	}
	return 0;
}

int io_max_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	char path[PATH_MAX];
	struct io_limits l;
	dev_t list[DEVICES_MAX];
	int version, n;

	(void)r;
	if (value_io(text, &l))
		return -1;
	n = devices_of(vm, l.device, list);
	if (n < 0 ||
	    cgroup_file(vm, "io", "io.max", "blkio.throttle.read_bps_device", path, &version))
		return -1;
	for (int i = 0; i < n; i++)
		if (version == 2 ? limit_v2(vm, path, list[i], &l)
				 : limit_v1(vm, path, list[i], &l))
			return -1;
	return 0;
}

json_t *io_max_read(struct remedy_vm *vm, const struct remedy *r)
{
	char path[PATH_MAX], text[4096];
	int version;

	(void)r;
	if (cgroup_look(vm, "io", "io.max", "blkio.throttle.read_bps_device", path, &version))
		return NULL;
	if (file_text(text, sizeof(text), path) || !text[0])
		return json_null();
	return json_string(text);
}
