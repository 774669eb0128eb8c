/*
 * The kernel's half of VFIO, in one place: thin wrappers of system calls, so that tests can put
 * a pretended kernel there. Linux, Documentation/driver-api/vfio.rst,
 * include/uapi/linux/vfio.h.
 */
#ifndef STRATA_VMM_VFIO_SYS_H
#define STRATA_VMM_VFIO_SYS_H

#include <stdint.h>
#include <sys/types.h>

/* Where sysfs and the VFIO devices are: "/sys", "/dev/vfio". */
const char *vfio_sysfs(void);
const char *vfio_dev(void);

int vfio_open(const char *path);
int vfio_ioctl(int fd, unsigned long request, void *argument);
ssize_t vfio_pread(int fd, void *buf, size_t bytes, uint64_t offset);
ssize_t vfio_pwrite(int fd, const void *buf, size_t bytes, uint64_t offset);
void vfio_close(int fd);

/* Memory of a device, for KVM to map: nobody here touches it. NULL if it cannot be. */
void *vfio_map(int fd, uint64_t bytes, uint64_t offset);
void vfio_unmap(void *p, uint64_t bytes);

#endif
