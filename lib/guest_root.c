/* The guest image's tree: see guest_root.h. */
#include "lib/guest_root.h"

#include <stdio.h>
#include <sys/mount.h>

#include "lib/err.h"
#include "lib/paths.h"

int guest_root(char root[PATH_MAX], bool *ready)
{
	char path[PATH_MAX + 8];

	if (path_built(root, PATH_MAX, "guest/root", "guest-image"))
		return -1;
	if (*ready)
		return 0;
	snprintf(path, sizeof(path), "%s/tmp", root);
	if (mount("strata", path, "tmpfs", MS_NOSUID | MS_NODEV, NULL))
		return err_errno("mount a tmpfs on %s", path);
	snprintf(path, sizeof(path), "%s/dev", root);
	if (mount("/dev", path, NULL, MS_BIND, NULL))
		return err_errno("bind /dev to %s", path);
	*ready = true;
	return 0;
}
