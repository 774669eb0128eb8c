/*
 * Overlays: an image of what one guest wrote, over another that many of them read. Made if it
 * is not there; one that is there must be of the same image.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"

/* The size of the disk below. Opening it as it will be opened finds out what is wrong with it,
 * before the overlay is there. */
static int find_bytes(const struct disk_options *o, uint64_t *bytes)
{
	struct disk_options alone = *o;
	struct qcow2_chain *c;
	struct file *f;

	if (!strcmp(o->base_format, "qcow2")) {
		alone.overlay = NULL;
		c = qcow2_open_chain(&alone, o->path, o->stated, true);
		*bytes = c ? c->images[0]->bytes : 0;
		qcow2_close(c);
		return c ? 0 : -1;
	}
	f = file_open(o->path, FILE_READONLY | (o->direct ? FILE_DIRECT : 0), o->loop, NULL);
	if (!f)
		return -1;
	*bytes = file_info(f)->bytes;
	*bytes -= *bytes % DISK_SECTOR_BYTES;
	file_close(f);
	return *bytes ? 0 : err_set("disk %s is empty", o->path);
}

/* The folder that path is in, without its links; the caller frees it. */
static char *folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	char *real = name ? realpath(name, NULL) : NULL;

	free(name);
	return real;
}

/* How the overlay names the image: files in one folder can be moved together. */
static char *name_below(const struct disk_options *o)
{
	char *here = folder(o->overlay), *there = folder(o->path), *name = NULL;
	const char *slash = strrchr(o->path, '/');

	/* A colon would make it look like a protocol. */
	if (here && there && !strcmp(here, there) && !strchr(slash ? slash : o->path, ':'))
		name = strdup(slash ? slash + 1 : o->path);
	else if (here && there)
		name = realpath(o->path, NULL);
	if (!name)
		err_errno("overlay %s", o->overlay);
	free(here);
	free(there);
	return name;
}

int qcow2_overlay_prepare(const struct disk_options *o)
{
	struct stat st;
	uint64_t bytes;
	char *name;
	int r;

	if (!stat(o->overlay, &st) || errno != ENOENT)
		return 0; /* what is wrong with it is found out when it is opened */
	if (find_bytes(o, &bytes))
		return -1;
	name = name_below(o);
	if (!name)
		return -1;
	r = qcow2_create(o->overlay, bytes, name, o->base_format);
	free(name);
	return r;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int qcow2_overlay_check(const struct qcow2 *q, const struct disk_options *o)
{
	const char *format = q->h.backing_format;
	char *below;
	bool same;

	if (!q->h.backing[0])
		return err_set("overlay %s: it is an image of its own, not one over %s; give "
			       "it as file=",
			       o->overlay, o->path);
	below = qcow2_path_below(q);
	if (!below)
		return -1;
	same = same_file(below, o->path);
	free(below);
	if (!same)
		return err_set("overlay %s: it is one over %s, not over %s; another overlay "
			       "is needed",
			       o->overlay, q->h.backing, o->path);
	if (o->stated && *format && strcmp(format, o->base_format))
		return err_set("overlay %s: it was made over %s as %s, not as %s", o->overlay,
			       o->path, format, o->base_format);
	return 0;
}
