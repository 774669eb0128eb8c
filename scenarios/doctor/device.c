/* Devices: vhost, IOMMU, VFIO. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vhost.h>

#include "scenarios/doctor/looks.h"

/* Is there a module of that name to load? modules.dep has a line for each. */
static bool module_exists(const char *name)
{
	char path[256], line[4096], file[128];
	struct utsname u;
	bool found_it = false;
	FILE *f;

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	snprintf(file, sizeof(file), "/%s.ko", name);
	f = fopen(path, "re");
	while (f && !found_it && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (colon)
			*colon = '\0';
		found_it = strstr(line, file) != NULL;
	}
	if (f)
		fclose(f);
	return found_it;
}

/* A device file that could not be opened, and the module that makes it. */
static void no_device(struct finding *f, const char *path, const char *module)
{
	int error = errno;

	found_errno(f, error, path);
	if (f->state == STATE_DENIED)
		return;
	if (module_exists(module))
		remedy(f, "modprobe %s", module);
	else
		remedy(f,
		       "boot a kernel that has the module %s (Debian's has), or " REMEDY_TESTBED,
		       module);
}

void look_vhost(struct finding *f, const void *arg)
{
	int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	unsigned long long features;

	(void)arg;
	if (fd < 0) {
		no_device(f, "/dev/vhost-net", "vhost_net");
		return;
	}
	if (ioctl(fd, VHOST_GET_FEATURES, &features) < 0)
		found_errno(f, errno, "/dev/vhost-net");
	else
		found(f, STATE_OK, "/dev/vhost-net, features %#llx", features);
	close(fd);
}

static unsigned int iommu_groups(void)
{
	DIR *d = opendir("/sys/kernel/iommu_groups");
	unsigned int count = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		count += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return count;
}

void look_iommu(struct finding *f, const void *arg)
{
	unsigned int groups = iommu_groups();

	(void)arg;
	if (groups) {
		found(f, STATE_OK, "%u groups", groups);
		return;
	}
	found(f, STATE_MISSING, "no groups");
	remedy(f, "switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on or "
		  "amd_iommu=on; in a VM, " REMEDY_TESTBED);
}

void look_vfio(struct finding *f, const void *arg)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	(void)arg;
	if (fd < 0) {
		no_device(f, "/dev/vfio/vfio", "vfio-pci");
		return;
	}
	if (ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU) > 0) {
		found(f, STATE_OK, "API %d, type 1 IOMMU", ioctl(fd, VFIO_GET_API_VERSION));
	} else {
		found(f, STATE_MISSING, "no type 1 IOMMU");
		remedy(f, "modprobe vfio_iommu_type1");
	}
	close(fd);
}
