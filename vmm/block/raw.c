/* The raw format: the file is the disk. */
#include <stddef.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/block/format.h"

static void raw_close(void *image)
{
	file_close(image);
}

static void *raw_open(const struct disk_options *o, struct disk_info *info)
{
	unsigned int flags = (o->readonly ? FILE_READONLY : 0) | (o->direct ? FILE_DIRECT : 0);
	struct file *f = file_open(o->path, flags, o->loop, o->batch);

	if (!f)
		return NULL;
	info->bytes = file_info(f)->bytes;
	info->discard = file_info(f)->discard;
	info->discard_zeroes = info->discard && !file_info(f)->block_device;
	info->block_bytes = file_info(f)->block_bytes;
	if (info->bytes >= DISK_SECTOR_BYTES)
		return f;
	err_set("disk %s is empty; make one by: truncate -s 64M %s", o->path, o->path);
	raw_close(f);
	return NULL;
}

static void done(struct file_request *r, int error)
{
	disk_done(r->owner, error);
}

static void raw_submit(void *image, struct disk_request *r)
{
	r->io = (struct file_request){
		.op = r->op,
		.may_unmap = r->may_unmap,
		.durable = r->durable,
		.offset = r->offset,
		.bytes = r->bytes,
		.iov = r->iov,
		.iov_count = r->iov_count,
		.done = done,
		.owner = r,
	};
	file_submit(image, &r->io);
}

static void raw_run(void *image)
{
	file_run(image);
}

static void raw_drain(void *image)
{
	file_drain(image);
}

static void raw_status(const void *image, json_t *into)
{
	json_object_set_new(into, "engine", json_string(file_info(image)->engine));
}

const struct disk_format disk_format_raw = {
	.name = "raw",
	.durable = true,
	.open = raw_open,
	.close = raw_close,
	.submit = raw_submit,
	.run = raw_run,
	.drain = raw_drain,
	.status = raw_status,
};
