/*
 * A disk as its devices see it: an open image that takes any number of requests at once and
 * answers each from the I/O loop. Devices (virtio-blk, NVMe) know nothing of files and formats;
 * images know nothing of rings and doorbells.
 *
 * A request that is answered without error is as durable as its kind promises: a write survives
 * the VMM's death, a flush, and all writes answered before it was submitted, the host's too.
 * One for which a qcow2 image has to allocate space survives the VMM's death after a fifth of a
 * second or a flush, whichever comes first.
 *
 * Threading: disk_open() and disk_close() on the main thread, before and after the loop runs;
 * disk_status() on any thread; everything else on the loop's.
 */
#ifndef STRATA_VMM_BLOCK_DISK_H
#define STRATA_VMM_BLOCK_DISK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/block/file.h"
#include "vmm/device.h"
#include "vmm/limit.h"
#include "vmm/loop.h"

#define DISK_SECTOR_BYTES 512
#define DISK_IOVS_MAX     1023 /* one less than the kernel takes: see vmm/block/guard.c */

/* Rows for the table of arguments of a device with a disk. */
#define DISK_ARGUMENTS                                                                      \
	{"file", "PATH", true, "the image: raw or qcow2, a file or a block device"},        \
		{"format", "raw|qcow2", false, "default: what the file's first bytes say"}, \
		{"overlay", "PATH", false,                                                  \
		 "keep what the guest writes in this qcow2 file, made if it "               \
		 "is not there; file is only read, and may be shared"},                     \
		{"cache", "writeback|direct", false,                                        \
		 "through the host's page cache (default), or past it"},                    \
		{"readonly", NULL, false, "the guest may not write"}, DISK_LIMIT_ARGUMENTS

struct disk;
struct disk_guard;

/* The caller's, and left alone by him until done() is called. */
struct disk_request {
	enum disk_op op;
	bool may_unmap; /* WRITE_ZEROES: the space may be given back */
	bool durable;   /* WRITE, WRITE_ZEROES: as if a flush came before the answer */
	uint64_t offset,
		bytes;     /* multiples of the sector; within the disk or answered EINVAL */
	struct iovec *iov; /* READ, WRITE: as many bytes in all; may be altered */
	unsigned int iov_count; /* at most DISK_IOVS_MAX */

	/* error is 0 or an errno (EINVAL, EIO, ENOSPC, EROFS, ...). Called on the loop's
	 * thread, never from within disk_submit(), but maybe from within disk_run(). */
	void (*done)(struct disk_request *r, int error);
	void *owner;

	/* the disk's own */
	struct disk_request *next;
	struct disk *disk;
	int error;
	enum disk_op asked; /* op, while a flush follows it */
	bool flushing;
	struct disk_guard *guard;

	/* its format's own */
	struct file_request io;
	void *state;
};

struct disk_info {
	uint64_t bytes;
	bool readonly;
	bool discard;             /* DISCARD gives space back rather than doing nothing */
	bool discard_zeroes;      /* ... and what was discarded reads as zeroes, all of it */
	unsigned int block_bytes; /* what the host's own requests should be aligned to: 512 or
				     4096 */
};

/* What DISK_ARGUMENTS cannot say. Failing is wrong usage. */
int disk_check(const struct arguments *a);

/* Open, lock and look at the image that the arguments name. NULL with a sentence. */
struct disk *disk_open(const struct arguments *a, struct loop *loop);
void disk_close(struct disk *d); /* NULL is fine; nothing may be in flight */

const struct disk_info *disk_info(const struct disk *d);

/* What it may carry: reads one way, all else the other. What has to wait, waits here; a drain
 * waits for nothing, and leaves a debt. */
struct limits *disk_limits_of(struct disk *d);

/* Take a request over; it may wait for disk_run() before it is begun. */
void disk_submit(struct disk *d, struct disk_request *r);

/* Begin what was submitted: once for a batch. What is finished already is answered before it
 * returns; called from within done(), it leaves that to the disk_run() further out. */
void disk_run(struct disk *d);

/* Have end(owner) called after one or more done(): the time for one interrupt for them all. */
void disk_on_batch_end(struct disk *d, void (*end)(void *owner), void *owner);

/* Return when nothing is in flight; done() has been called for all. */
void disk_drain(struct disk *d);

/* "file", "format", "overlay", "cache", "engine", "readonly", "capacity_bytes", and counters:
 * reads, writes, flushes, discards, zeroes, read_bytes, written_bytes, errors, disk_full; and
 * "limits". */
void disk_status(struct disk *d, json_t *into);

#endif
