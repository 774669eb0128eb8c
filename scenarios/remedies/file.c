/* The kernel's settings that are lines in files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/remedies/internal.h"

#define WHOLE_MAX (1 << 20)

int file_text(char *text, size_t bytes, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, bytes - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	return n < 0 ? err_errno("read %s", path) : 0;
}

char *file_whole(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(WHOLE_MAX);
	size_t used = 0;
	ssize_t n = 1;

	while (text && n > 0 && used < WHOLE_MAX - 1) {
		n = read(fd, text + used, WHOLE_MAX - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (!text || n < 0) {
		err_errno("read %s", path);
		free(text);
		text = NULL;
	} else {
		text[used] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return text;
}

int file_write(const char *path, const char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	ssize_t n;
	int error;

	if (fd < 0)
		return err_errno("write \"%s\" to %s", text, path);
	/* Of nothing the kernel would never hear. */
	n = length ? write(fd, text, length) : write(fd, "\n", 1);
	error = errno;
	close(fd);
	errno = error;
	return n < 0 ? err_errno("write \"%s\" to %s", text, path) : 0;
}
