/* Opening a file or block device: its lock, its size, and what it can do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>

#include "lib/err.h"
#include "vmm/block/engine.h"

#define LOCK_WAIT_NS 500000000
#define LOCK_TRIES   50
#define DIRECT_ALIGN 4096 /* enough everywhere */

static int find_size(struct file *f, const struct stat *st)
{
	f->info.block_device = S_ISBLK(st->st_mode);
	f->info.bytes = (uint64_t)st->st_size;
	if (f->info.block_device && ioctl(f->fd, BLKGETSIZE64, &f->info.bytes))
		return err_errno("disk %s: cannot find out its size", f->path);
	if (!f->info.block_device && !S_ISREG(st->st_mode))
		return err_set("disk %s is neither a file nor a block device", f->path);
	return 0;
}

/* What a kernel since 6.1 says that O_DIRECT asks for. */
static bool stated_alignment(struct file *f)
{
	struct statx x;

	if (statx(f->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x) ||
	    !(x.stx_mask & STATX_DIOALIGN) || !x.stx_dio_offset_align)
		return false;
	f->memory_align = x.stx_dio_mem_align;
	f->info.block_bytes = x.stx_dio_offset_align;
	return true;
}

static void find_alignment(struct file *f)
{
	unsigned int sector = 0;

	if (f->info.block_device && ioctl(f->fd, BLKSSZGET, &sector))
		sector = 0;
	f->info.block_bytes = sector;
	if (f->info.direct && !stated_alignment(f)) {
		f->memory_align = DIRECT_ALIGN;
		f->info.block_bytes = f->info.block_device ? sector : DIRECT_ALIGN;
	}
	if (f->info.block_bytes < DISK_BLOCK_MIN)
		f->info.block_bytes = DISK_BLOCK_MIN;
}

static bool in_memory(const struct file *f)
{
	struct statfs fs;

	return !f->info.block_device && !f->info.direct && !fstatfs(f->fd, &fs) &&
	       fs.f_type == TMPFS_MAGIC;
}

static bool device_discards(dev_t device)
{
	unsigned long long max = 0;
	char path[80];
	FILE *file;

	/* A partition's limits are those of the disk it is on. */
	for (int i = 0; i < 2 && !max; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/discard_max_bytes",
			 major(device), minor(device), i ? "../" : "");
		file = fopen(path, "r");
		if (file && fscanf(file, "%llu", &max) != 1)
			max = 0;
		if (file)
			fclose(file);
	}
	return max;
}

/* A hole behind the end of the file changes nothing, and tells whether there can be one. */
static bool file_discards(const struct file *f)
{
	struct file_request r = {
		.op = DISK_DISCARD, .offset = f->info.bytes, .bytes = DIRECT_ALIGN};

	return file_punch(f, &r) == 0;
}

/* A VM that was killed lets go of its disk only when the kernel has ended its I/O. */
static int lock(struct file *f)
{
	const struct timespec moment = {.tv_nsec = LOCK_WAIT_NS / LOCK_TRIES};
	int how = (f->info.readonly ? LOCK_SH : LOCK_EX) | LOCK_NB;

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(f->fd, how))
			return 0;
		if (errno != EWOULDBLOCK)
			return err_errno("disk %s: cannot lock it", f->path);
		nanosleep(&moment, NULL);
	}
	return err_set("disk %s is in use by another VM; two of them would destroy it "
		       "(readonly may be shared)",
		       f->path);
}

static int open_fd(struct file *f)
{
	bool readonly = f->info.readonly;
	int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;

	f->fd = open(f->path, flags | (f->info.direct ? O_DIRECT : 0));
	if (f->fd < 0 && f->info.direct && errno == EINVAL)
		return err_set("disk %s: its file system cannot pass the page cache by; leave "
			       "out cache=direct",
			       f->path);
	if (f->fd < 0)
		return err_errno("disk %s: cannot open it for %s", f->path,
				 readonly ? "reading" : "reading and writing");
	return lock(f);
}

int file_find(struct file *f)
{
	struct stat st;

	if (open_fd(f))
		return -1;
	if (fstat(f->fd, &st))
		return err_errno("disk %s", f->path);
	if (find_size(f, &st))
		return -1;
	find_alignment(f);
	f->in_memory = in_memory(f);
	if (!f->info.readonly)
		f->info.discard =
			f->info.block_device ? device_discards(st.st_rdev) : file_discards(f);
	return 0;
}
