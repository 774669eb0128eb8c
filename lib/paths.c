/* Where things lie: programs in build/bin/, what they need in build/. See paths.h. */
#include "lib/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"

/*
 * The running program's folder, up so many levels. Looked up once: in a mount namespace that
 * was entered later, the kernel may name it differently.
 */
static int own_folder(char *dir, size_t bytes, int up)
{
	static char own[PATH_MAX];

	if (!own[0] && readlink("/proc/self/exe", own, sizeof(own) - 1) < 0)
		return err_errno("find our own program: /proc/self/exe");
	snprintf(dir, bytes, "%s", own);
	for (int i = 0; i <= up; i++) {
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
	}
	return 0;
}

static int join(char *path, size_t bytes, const char *dir, const char *name)
{
	int n = snprintf(path, bytes, "%s/%s", dir, name);

	return n < 0 || (size_t)n >= bytes ? err_set("path too long: %s/%s", dir, name) : 0;
}

int path_program(char *path, size_t bytes, const char *name)
{
	char dir[PATH_MAX];

	if (own_folder(dir, sizeof(dir), 0) || join(path, bytes, dir, name))
		return -1;
	return access(path, X_OK) ? err_errno("%s is missing (run \"make\")", path) : 0;
}

int path_built(char *path, size_t bytes, const char *relative, const char *make_target)
{
	char dir[PATH_MAX];

	if (own_folder(dir, sizeof(dir), 1) || join(path, bytes, dir, relative))
		return -1;
	return access(path, R_OK)
		       ? err_errno("%s is missing (run \"make %s\")", path, make_target)
		       : 0;
}

int path_project(char *path, size_t bytes, const char *relative)
{
	char dir[PATH_MAX];

	if (own_folder(dir, sizeof(dir), 2) || join(path, bytes, dir, relative))
		return -1;
	return access(path, R_OK) ? err_errno("%s is missing", path) : 0;
}

int path_make_folder(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return err_errno("create the folder %s", part);
		if (!c)
			return 0;
		*p = '/';
	}
}
