/*
 * Memory shared between the guest and the host's processes: a PCI function compatible with
 * QEMU's ivshmem-plain (docs/specs/ivshmem-spec). BAR 0 has registers that mean nothing without
 * peers, BAR 2 is the memory, mapped straight into the guest: no exits, no copies.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/cleanup.h"
#include "vmm/machine.h"
#include "vmm/device/devices.h"

#define REGISTERS_BYTES 256
#define SIZE_DEFAULT    (4ULL << 20)
#define SIZE_MAX_BYTES  (8ULL << 30)

struct ivshmem {
	struct pci_device pci;
	int fd;
	uint64_t bytes;
	void *memory;
	char path[PATH_MAX];
};

/* Interrupt mask and status, peer number, doorbell: all zero, for there is nobody to ring. */
static uint64_t registers_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)r;
	(void)offset;
	(void)size;
	return 0;
}

static int open_file(struct ivshmem *s, const char *path)
{
	struct stat st;

	snprintf(s->path, sizeof(s->path), "%s", path);
	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd >= 0)
		return cleanup_file(path);
	if (errno == EEXIST)
		s->fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return err_errno("shared memory %s: cannot open it", path);
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode))
		return err_set("shared memory %s: it is not a regular file", path);
	if (st.st_size && (uint64_t)st.st_size != s->bytes)
		return err_set(
			"shared memory %s: it has %lld bytes, not %llu; remove it or give its size",
			path, (long long)st.st_size, (unsigned long long)s->bytes);
	return 0;
}

static int open_memory(struct ivshmem *s, const char *path)
{
	int error;

	if (path) {
		if (open_file(s, path))
			return -1;
	} else {
		s->fd = memfd_create("strata-ivshmem", MFD_CLOEXEC);
		if (s->fd < 0)
			return err_errno("cannot make shared memory");
		snprintf(s->path, sizeof(s->path), "/proc/%d/fd/%d", getpid(), s->fd);
	}
	/* Now, and not as a bus error when the guest first writes. */
	error = posix_fallocate(s->fd, 0, (off_t)s->bytes);
	if (error)
		return err_set("shared memory %s: no room for %llu bytes: %s", s->path,
			       (unsigned long long)s->bytes, strerror(error));
	s->memory = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->memory == MAP_FAILED) {
		s->memory = NULL;
		return err_errno("shared memory %s: cannot map it", s->path);
	}
	return 0;
}

static int size_of(const struct arguments *a, uint64_t *bytes)
{
	*bytes = SIZE_DEFAULT;
	if (arguments_size(a, "size", 4096, SIZE_MAX_BYTES, bytes))
		return -1;
	if (*bytes & (*bytes - 1))
		return err_set("size: %llu bytes are not a power of two, as PCI needs",
			       (unsigned long long)*bytes);
	return 0;
}

static int check(const struct arguments *a)
{
	uint64_t bytes;

	return size_of(a, &bytes);
}

static int create(struct device *d, const struct arguments *a)
{
	struct ivshmem *s = calloc(1, sizeof(*s));

	if (!s)
		return err_errno("cannot make the shared memory device");
	s->fd = -1;
	d->state = s;
	d->pci = &s->pci;
	if (size_of(a, &s->bytes) || open_memory(s, arguments_get(a, "file", NULL)))
		return -1;
	s->pci.name = "ivshmem";
	s->pci.id = (struct pci_id){.vendor = 0x1af4,
				    .device = 0x1110,
				    .subsystem_vendor = 0x1af4,
				    .subsystem = 0x1100,
				    .class_code = 0x050000,
				    .revision = 1};
	s->pci.no_interrupt = true;
	s->pci.bar[0] = (struct pci_bar){
		.kind = PCI_BAR_MEM32, .bytes = REGISTERS_BYTES, .read = registers_read};
	s->pci.bar[2] = (struct pci_bar){
		.kind = PCI_BAR_MEM64_PREFETCH, .bytes = s->bytes, .ram = s->memory};
	return pci_add(d->machine, &s->pci);
}

static void destroy(struct device *d)
{
	struct ivshmem *s = d->state;

	if (!s)
		return;
	pci_remove(&s->pci);
	if (s->memory)
		munmap(s->memory, s->bytes);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void status(struct device *d, json_t *into)
{
	struct ivshmem *s = d->state;

	json_object_set_new(into, "path", json_string(s->path));
	json_object_set_new(into, "bytes", json_integer((json_int_t)s->bytes));
}

static const struct argument arguments[] = {
	{.key = "file",
	 .value = "PATH",
	 .help = "back it by this file, which is removed in the end if new"},
	{.key = "size", .value = "BYTES", .help = "a power of two (4M)"},
	{NULL},
};

const struct device_type device_ivshmem = {
	.name = "ivshmem",
	.help = "memory shared with the host's processes, as QEMU's ivshmem-plain",
	.arguments = arguments,
	.many = true,
	.check = check,
	.create = create,
	.destroy = destroy,
	.status = status,
};
