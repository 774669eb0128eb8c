/* What is installed or built: QEMU, the guest's image, the testbed's. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "scenarios/doctor/looks.h"

#define QEMU "qemu-system-x86_64"

/* Where in PATH? -1 if nowhere. */
static int find_in_path(const char *program, char *path, size_t bytes)
{
	const char *dir = getenv("PATH");

	while (dir && *dir) {
		size_t len = strcspn(dir, ":");

		snprintf(path, bytes, "%.*s/%s", (int)len, dir, program);
		if (access(path, X_OK) == 0)
			return 0;
		dir += len + (dir[len] == ':');
	}
	return -1;
}

void look_qemu(struct finding *f, const void *arg)
{
	char path[PATH_MAX];

	(void)arg;
	if (find_in_path(QEMU, path, sizeof(path)) == 0) {
		found(f, STATE_OK, "%s", path);
		return;
	}
	found(f, STATE_MISSING, "no " QEMU " in PATH");
	if (!environment_is_testbed()) /* it needs no testbed of its own */
		remedy(f, "apt-get install qemu-system-x86");
}

struct image {
	const char *files[3];
	const char *target; /* of make */
};

const struct image image_guest = {{"guest/vmlinux", "guest/initrd.img"}, "guest-image"};
const struct image image_testbed = {{"testbed/vmlinux", "testbed/initrd.img"}, "testbed-image"};

void look_image(struct finding *f, const void *arg)
{
	const struct image *image = arg;
	char path[PATH_MAX];
	double bytes = 0;

	for (size_t i = 0; image->files[i]; i++) {
		struct stat st;

		if (path_built(path, sizeof(path), image->files[i], image->target) < 0 ||
		    stat(path, &st) < 0) {
			found(f, STATE_MISSING, "not built: no build/%s", image->files[i]);
			remedy(f, "make %s (\"make demo\" does so by itself)", image->target);
			return;
		}
		bytes += st.st_size;
	}
	found(f, STATE_OK, "built, %.1f MiB with its kernel", bytes / 1048576);
}
