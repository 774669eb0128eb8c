/* The list of disk image formats, and which of them an image is of. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vmm/block/format.h"

static const struct disk_format *const formats[] = {
	&disk_format_raw,
	&disk_format_qcow2,
	NULL,
};

const struct disk_format *disk_format_named(const char *name)
{
	for (int i = 0; formats[i]; i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	return NULL;
}

const struct disk_format *disk_format_that_overlays(void)
{
	for (int i = 0; formats[i]; i++)
		if (formats[i]->can_overlay)
			return formats[i];
	return NULL;
}

const struct disk_format *disk_format_of_head(const uint8_t *head, size_t bytes)
{
	const struct disk_format *otherwise = NULL;

	for (int i = 0; formats[i]; i++) {
		if (!formats[i]->probe)
			otherwise = formats[i];
		else if (formats[i]->probe(head, bytes))
			return formats[i];
	}
	return otherwise;
}

const struct disk_format *disk_format_of(const char *path)
{
	uint8_t head[DISK_PROBE_BYTES];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : pread(fd, head, sizeof(head), 0);

	if (fd >= 0)
		close(fd);
	return disk_format_of_head(head, n > 0 ? (size_t)n : 0);
}
