/*
 * Opening an image and those below it.
 *
 * An image names the one below it, and who made the image may have named any file of the host.
 * A guest can write to a raw disk what looks like such an image. So a name is followed only if
 * somebody else than the image itself said that it is one: the user (format=qcow2, overlay=),
 * or the image over it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"

#define HEAD_BYTES 512

static void batch_end(void *owner)
{
	qcow2_progress(owner);
}

/* ---- one image ---- */

static void close_image(struct qcow2 *q)
{
	qcow2_commit_end(q);
	qcow2_ops_free(q);
	qcow2_unpack_free(q);
	qcow2_alloc_free(q);
	qcow2_pages_free(q);
	file_close(q->own.file);
	file_close(q->raw.file);
	free(q->below_path);
	free(q->path);
	free(q);
}

static int read_header(struct qcow2 *q)
{
	uint64_t size = file_info(q->own.file)->bytes, bytes = size;
	uint8_t head[HEAD_BYTES], *data;
	int r = file_transfer(q->own.file, DISK_READ, 0, head, sizeof(head));

	if (!r && qcow2_header_cluster_bytes(head, sizeof(head)))
		bytes = qcow2_header_cluster_bytes(head, sizeof(head));
	if (bytes > size || !qcow2_is(head, sizeof(head)))
		bytes = size < HEAD_BYTES ? size : HEAD_BYTES;
	data = malloc(bytes + 1);
	if (!data)
		return err_errno("no memory");
	r = r ? r : file_transfer(q->own.file, DISK_READ, 0, data, bytes);
	if (r) {
		errno = r;
		r = err_errno("its header cannot be read");
	} else {
		r = qcow2_header_parse(&q->h, data, bytes);
	}
	free(data);
	return r;
}

static int check_state(const struct qcow2 *q)
{
	if (q->readonly)
		return 0;
	if (q->h.corrupt)
		return err_set("it is marked as corrupt, and can only be read (readonly); "
			       "qemu-img check -r all %s repairs what can be repaired",
			       q->path);
	if (q->h.dirty)
		return err_set("it was not closed cleanly and its refcounts are out of date; "
			       "qemu-img check -r all %s repairs it",
			       q->path);
	return 0;
}

/* Before the first write: what others keep beside the image is out of date from now on. */
static int clear_autoclear(struct qcow2 *q)
{
	uint8_t none[8] = {0};
	int r;

	if (q->readonly || !q->h.autoclear)
		return 0;
	r = file_transfer(q->own.file, DISK_WRITE, QCOW2_AT_AUTOCLEAR, none, sizeof(none));
	r = r ? r : file_transfer(q->own.file, DISK_FLUSH, 0, NULL, 0);
	errno = r;
	return r ? err_errno("its header cannot be written") : 0;
}

static int set_up(struct qcow2 *q)
{
	if (read_header(q) || check_state(q))
		return -1;
	q->cluster = 1ULL << q->h.cluster_bits;
	q->bytes = q->h.bytes - q->h.bytes % DISK_SECTOR_BYTES;
	if (!q->bytes)
		return err_set("it is a disk of less than a sector");
	if (qcow2_pages_init(q, QCOW2_CACHE_BYTES))
		return err_errno("no memory");
	qcow2_alloc_init(q);
	if (q->h.l1_offset >> q->h.cluster_bits >= q->alloc.end ||
	    q->h.reftable_offset >> q->h.cluster_bits >= q->alloc.end)
		return err_set("it is cut short: its tables are missing");
	if (!q->readonly && (clear_autoclear(q) || qcow2_grow(q)))
		return -1;
	return qcow2_commit_init(q);
}

static int find_identity(struct qcow2 *q)
{
	const struct qcow2_chain *c = q->chain;
	struct stat st;

	if (stat(q->path, &st))
		return err_errno("disk %s: cannot open it", q->path);
	q->device = st.st_dev;
	q->inode = st.st_ino;
	for (unsigned int i = 0; i < c->count; i++)
		if (c->images[i]->device == st.st_dev && c->images[i]->inode == st.st_ino)
			return err_set("disk %s: it is below itself", q->path);
	if (c->count == QCOW2_CHAIN_MAX)
		return err_set("disk %s: more than %d images over each other", q->path,
			       QCOW2_CHAIN_MAX);
	return 0;
}

static unsigned int flags(const struct disk_options *o, bool readonly)
{
	return FILE_GROWS | (readonly ? FILE_READONLY : 0) | (o->direct ? FILE_DIRECT : 0);
}

static struct qcow2 *open_image(struct qcow2_chain *c, const char *path, bool readonly,
				const struct disk_options *o)
{
	struct qcow2 *q = calloc(1, sizeof(*q));

	if (!q || !(q->path = strdup(path))) {
		err_errno("disk %s", path);
		free(q);
		return NULL;
	}
	q->chain = c;
	q->readonly = readonly;
	q->commit.timer.fd = -1;
	if (find_identity(q))
		goto failed;
	q->own.file = file_open(path, flags(o, readonly), o->loop, &c->batch);
	if (!q->own.file)
		goto failed;
	if (set_up(q)) {
		err_add("disk %s", path);
		goto failed;
	}
	c->images[c->count++] = q;
	return q;
failed:
	close_image(q);
	return NULL;
}

/* ---- the image below ---- */

char *qcow2_path_below(const struct qcow2 *q)
{
	const char *name = q->h.backing, *slash = strrchr(q->path, '/');
	size_t scheme;
	char *path = NULL;

	if (!strncmp(name, "file:", 5))
		name += 5;
	scheme = strcspn(name, ":/");
	if (name[scheme] == ':' || !*name) {
		err_set("disk %s: the image below is named %s, which is not a file", q->path,
			q->h.backing);
		return NULL;
	}
	if (*name == '/' || !slash)
		path = strdup(name);
	else if (asprintf(&path, "%.*s/%s", (int)(slash - q->path), q->path, name) < 0)
		path = NULL;
	if (!path)
		err_errno("disk %s", q->path);
	return path;
}

static int open_raw(struct qcow2 *q, const struct disk_options *o)
{
	const struct file_info *info;

	q->raw.file = file_open(q->below_path, flags(o, true), o->loop, &q->chain->batch);
	if (!q->raw.file)
		return -1;
	info = file_info(q->raw.file);
	q->below_bytes = (info->bytes + DISK_SECTOR_BYTES - 1) & ~(DISK_SECTOR_BYTES - 1ULL);
	return 0;
}

static bool looks_like_qcow2(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t head[4];
	bool is = f && fread(head, 1, sizeof(head), f) == sizeof(head) &&
		  qcow2_is(head, sizeof(head));

	if (f)
		fclose(f);
	return is;
}

/* Open what is below q and, if that is qcow2, put it into *next. told: somebody else than q
 * said that q is qcow2; changed to whether q says that of the one below. */
static int open_below(struct qcow2 *q, const struct disk_options *o, bool *told,
		      struct qcow2 **next)
{
	const char *format = q->h.backing_format;

	bool top = q == q->chain->images[0];

	*next = NULL;
	if (top && o->overlay && qcow2_overlay_check(q, o))
		return -1;
	if (!q->h.backing[0])
		return 0;
	if (!*told)
		return err_set("disk %s: it is an image over %s, and only its own content "
			       "says so; if you trust it, say format=qcow2",
			       q->path, q->h.backing);
	q->below_path = qcow2_path_below(q);
	if (!q->below_path)
		return -1;
	*told = *format;
	if (!*format)
		format = looks_like_qcow2(q->below_path) ? "qcow2" : "raw";
	if (!strcmp(format, "raw"))
		return open_raw(q, o);
	if (strcmp(format, "qcow2"))
		return err_set("disk %s: the image below is of the format %s; raw and qcow2 "
			       "are supported",
			       q->path, format);
	*next = open_image(q->chain, q->below_path, true, o);
	q->below = *next;
	if (*next)
		q->below_bytes = q->below->bytes;
	return *next ? 0 : -1;
}

static int open_all(struct qcow2_chain *c, const char *path, const struct disk_options *o,
		    bool told, bool readonly)
{
	struct qcow2 *q = open_image(c, path, readonly, o);
	int r = q ? 0 : -1;

	while (!r && q)
		r = open_below(q, o, &told, &q);
	return r;
}

/* ---- the chain ---- */

static struct qcow2_chain *new_chain(const struct disk_options *o)
{
	struct qcow2_chain *c = calloc(1, sizeof(*c));

	if (!c) {
		err_errno("disk %s", o->path);
		return NULL;
	}
	c->loop = o->loop;
	c->outer = o->batch;
	c->batch = (struct file_batch){batch_end, c};
	return c;
}

struct qcow2_chain *qcow2_open_chain(const struct disk_options *o, const char *path, bool told,
				     bool readonly)
{
	struct qcow2_chain *c = new_chain(o);

	if (c && open_all(c, path, o, told, readonly)) {
		qcow2_close(c);
		c = NULL;
	}
	return c;
}

struct qcow2_chain *qcow2_open(const struct disk_options *o)
{
	if (o->overlay && qcow2_overlay_prepare(o))
		return NULL;
	return qcow2_open_chain(o, o->overlay ? o->overlay : o->path, o->overlay || o->stated,
				o->readonly);
}

static void settle(struct qcow2 *q)
{
	qcow2_commit_soon(q);
	qcow2_drain(q->chain);
	if (q->commit.lost || q->pages.dirty[QCOW2_TABLES])
		fprintf(stderr,
			"strata-vmm: disk %s: not all that the guest wrote could be kept: the "
			"host did not take it\n",
			q->path);
	qcow2_pool_is_unused(q);
	qcow2_commit_soon(q);
	qcow2_drain(q->chain);
}

void qcow2_close(struct qcow2_chain *c)
{
	if (!c)
		return;
	if (c->count && !c->images[0]->readonly)
		settle(c->images[0]);
	while (c->count)
		close_image(c->images[--c->count]);
	free(c);
}
