/* The kernel's half of VFIO: see sys.h. */
#include "vmm/vfio/sys.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

const char *vfio_sysfs(void)
{
	return "/sys";
}

const char *vfio_dev(void)
{
	return "/dev/vfio";
}

int vfio_open(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC);
}

int vfio_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

ssize_t vfio_pread(int fd, void *buf, size_t bytes, uint64_t offset)
{
	return pread(fd, buf, bytes, (off_t)offset);
}

ssize_t vfio_pwrite(int fd, const void *buf, size_t bytes, uint64_t offset)
{
	return pwrite(fd, buf, bytes, (off_t)offset);
}

void vfio_close(int fd)
{
	close(fd);
}

void *vfio_map(int fd, uint64_t bytes, uint64_t offset)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	return p == MAP_FAILED ? NULL : p;
}

void vfio_unmap(void *p, uint64_t bytes)
{
	munmap(p, bytes);
}
