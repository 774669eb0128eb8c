/*
 * Finding and mapping the shared memory. An ivshmem-plain device (QEMU's
 * docs/specs/ivshmem-spec.rst: vendor 1af4, device 1110) offers it as BAR 2; sysfs maps a
 * BAR without a driver.
 */
#include "probes/agent/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110

static unsigned long read_number(const char *dir, const char *device, const char *file)
{
	char path[320], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, device, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strtoul(text, NULL, 0);
}

/* Without a driver nobody has told the device to answer at its BARs' addresses. */
static int enable_device(const char *dir, const char *device)
{
	char path[320];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s/enable", dir, device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		err = err_errno("cannot enable the ivshmem device %s", device);
	if (fd >= 0)
		close(fd);
	return err;
}

int memory_open(struct memory *m, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	memset(m, 0, sizeof(*m));
	snprintf(m->path, sizeof(m->path), "%s", path);
	if (fd < 0)
		return err_errno("cannot open the shared memory %s", path);
	if (fstat(fd, &st)) {
		close(fd);
		return err_errno("cannot size the shared memory %s", path);
	}
	m->size = (size_t)st.st_size;
	m->bytes = m->size ? mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
			   : MAP_FAILED;
	close(fd);
	if (m->bytes != MAP_FAILED)
		return 0;
	m->bytes = NULL;
	return m->size ? err_errno("cannot map the shared memory %s", path)
		       : err_set("the shared memory %s is empty", path);
}

int memory_find(struct memory *m, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char device[64] = "", path[320];

	if (!d)
		return err_errno("cannot look for PCI devices in %s", dir);
	while (!device[0] && (e = readdir(d)))
		if (read_number(dir, e->d_name, "vendor") == IVSHMEM_VENDOR &&
		    read_number(dir, e->d_name, "device") == IVSHMEM_DEVICE)
			snprintf(device, sizeof(device), "%.63s", e->d_name);
	closedir(d);
	if (!device[0])
		return err_set("no ivshmem device in %s: there is no memory to share events "
			       "through; start the VM with one (strata-vmm --ivshmem, QEMU "
			       "-device ivshmem-plain)",
			       dir);
	if (enable_device(dir, device))
		return -1;
	snprintf(path, sizeof(path), "%s/%s/resource2", dir, device);
	return memory_open(m, path);
}

void memory_close(struct memory *m)
{
	if (m->bytes)
		munmap(m->bytes, m->size);
	m->bytes = NULL;
}
