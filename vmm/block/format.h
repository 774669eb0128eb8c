/*
 * A disk image format: a descriptor with designated initialisers in the file that implements
 * it, and one row in the list of vmm/block/formats.c.
 *
 * disk.c has done the checks when it calls submit(): the request is within the disk, whole
 * sectors, no write to a disk that is read-only. It counts, too: a format answers every
 * request by disk_done(), from the loop, never from within submit().
 */
#ifndef STRATA_VMM_BLOCK_FORMAT_H
#define STRATA_VMM_BLOCK_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/block/disk.h"
#include "vmm/block/file.h"

#define DISK_PROBE_BYTES 512

struct disk_options {
	const char *path;        /* the image */
	const char *overlay;     /* NULL: none; only for a format with can_overlay */
	const char *base_format; /* with an overlay: the format of path */
	bool readonly, direct;
	bool stated; /* the format of path was: what the image names may be opened, too */
	struct loop *loop;
	const struct file_batch *batch; /* for file_open() */
};

struct disk_format {
	const char *name;
	bool can_overlay; /* open() understands options->overlay */
	bool durable;     /* submit() honours request->durable; else disk.c flushes behind it */

	/* Do the image's first bytes (as many as it has, at most DISK_PROBE_BYTES) say that it
	 * is of this format? NULL: it is if it is no other. */
	bool (*probe)(const uint8_t *head, size_t bytes);

	/* Open it and tell what it is. NULL with a sentence. The options' strings stay. */
	void *(*open)(const struct disk_options *o, struct disk_info *info);
	void (*close)(void *image);

	/* As their namesakes in disk.h. */
	void (*submit)(void *image, struct disk_request *r);
	void (*run)(void *image);
	void (*drain)(void *image);

	/* "engine", and what else the format has to tell. Any thread. */
	void (*status)(const void *image, json_t *into);
};

/* The list (vmm/block/formats.c): by name, NULL if there is none; by an image's first bytes. */
const struct disk_format *disk_format_named(const char *name);
const struct disk_format *disk_format_that_overlays(void);
const struct disk_format *disk_format_of(const char *path);
const struct disk_format *disk_format_of_head(const uint8_t *head, size_t bytes);

/* Have the first sector of a write that begins there be written as it was looked at,
 * EMEDIUMTYPE if it makes the image one of another format. r->guard is to be freed when it is
 * done. */
int disk_guard(struct disk_request *r);

/* The request is finished: for formats, on the loop's thread. error is 0 or an errno. */
void disk_done(struct disk_request *r, int error);

extern const struct disk_format disk_format_raw, disk_format_qcow2;

#endif
