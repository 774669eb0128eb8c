/*
 * The qcow2 format: images that hold what was written, over others that hold the rest.
 *
 * Read and written: versions 2 and 3, any cluster and refcount size, images below (raw or
 * qcow2), images with internal snapshots, zero clusters. Only read: compressed clusters
 * (deflate, zstd). Refused: encryption, external data files, extended L2 entries, and for
 * writing images that are marked dirty or corrupt.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"
#include "vmm/virtio/counter.h"

struct image {
	struct qcow2_chain *chain;
	struct disk_request *refused; /* for want of memory; not yet answered */
};

static bool probe(const uint8_t *head, size_t bytes)
{
	return qcow2_is(head, bytes);
}

static void *open_qcow2(const struct disk_options *o, struct disk_info *info)
{
	struct image *image = calloc(1, sizeof(*image));
	const struct qcow2 *q;

	if (!image) {
		err_errno("disk %s", o->path);
		return NULL;
	}
	image->chain = qcow2_open(o);
	if (!image->chain) {
		free(image);
		return NULL;
	}
	q = image->chain->images[0];
	info->bytes = q->bytes;
	info->discard = q->h.version >= 3 || !q->below_bytes;
	info->block_bytes = file_info(q->own.file)->block_bytes;
	return image;
}

static void close_qcow2(void *owner)
{
	struct image *image = owner;

	qcow2_close(image->chain);
	free(image);
}

static void done(struct qcow2_request *r, int error)
{
	struct disk_request *d = r->owner;

	free(r);
	disk_done(d, error);
}

static void submit(void *owner, struct disk_request *d)
{
	struct image *image = owner;
	struct qcow2_request *r = malloc(sizeof(*r));

	if (!r) {
		d->next = image->refused;
		image->refused = d;
		return;
	}
	*r = (struct qcow2_request){
		.op = d->op,
		.may_unmap = d->may_unmap,
		.offset = d->offset,
		.end = d->offset + d->bytes,
		.iov = d->iov,
		.iov_count = d->iov_count,
		.done = done,
		.owner = d,
	};
	qcow2_submit(image->chain->images[0], r);
}

static void answer_refused(struct image *image)
{
	struct disk_request *d;

	while ((d = image->refused)) {
		image->refused = d->next;
		image->chain->answered = true;
		disk_done(d, ENOMEM);
	}
}

static void run(void *owner)
{
	struct image *image = owner;

	answer_refused(image);
	qcow2_progress(image->chain);
}

static void drain(void *owner)
{
	struct image *image = owner;

	answer_refused(image);
	qcow2_drain(image->chain);
}

static void status(const void *owner, json_t *into)
{
	const struct image *image = owner;
	const struct qcow2 *q = image->chain->images[0];
	unsigned int count = image->chain->count;

	count += image->chain->images[count - 1]->raw.file != NULL;
	json_object_set_new(into, "engine", json_string(file_info(q->own.file)->engine));
	json_object_set_new(into, "cluster_bytes", json_integer((json_int_t)q->cluster));
	json_object_set_new(into, "images", json_integer(count));
	if (q->below_path)
		json_object_set_new(into, "below", json_string(q->below_path));
	json_object_set_new(into, "clusters_allocated",
			    json_integer((json_int_t)counter_read(&q->taken)));
	json_object_set_new(into, "commits",
			    json_integer((json_int_t)counter_read(&q->commits)));
}

const struct disk_format disk_format_qcow2 = {
	.name = "qcow2",
	.can_overlay = true,
	.probe = probe,
	.open = open_qcow2,
	.close = close_qcow2,
	.submit = submit,
	.run = run,
	.drain = drain,
	.status = status,
};
