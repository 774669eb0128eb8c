/*
 * An open file or block device with asynchronous I/O: what disk image formats are built on.
 * Requests are answered from the I/O loop. Reads, writes and flushes go through io_uring, a
 * ring of its own for each file; what io_uring cannot do, and everything where the kernel does
 * not permit it, is done by a few threads. A file in memory (tmpfs) is read and written at
 * once.
 *
 * With FILE_DIRECT the host's page cache is passed by (O_DIRECT). Callers need not know what
 * alignment that asks for: what is not aligned goes through a buffer that is, more slowly.
 *
 * Threading: file_open(), file_close() and file_transfer() on the main thread, before and
 * after the loop runs; everything else on the loop's.
 */
#ifndef STRATA_VMM_BLOCK_FILE_H
#define STRATA_VMM_BLOCK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/loop.h"

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,        /* what was written and answered survives the host's death */
	DISK_DISCARD,      /* the guest no longer cares; reads give anything */
	DISK_WRITE_ZEROES, /* reads give zeroes */
};

enum file_flags {
	FILE_READONLY = 1, /* may be shared with other readers; a writer shares with nobody */
	FILE_DIRECT = 2,
	FILE_GROWS = 4, /* reads beyond its end give zeroes rather than EIO */
};

struct file;

/* The caller's, and left alone by him until done() is called. */
struct file_request {
	enum disk_op op;
	bool may_unmap; /* WRITE_ZEROES: the space may be given back */
	bool durable;   /* WRITE, WRITE_ZEROES: flushed before it is answered */
	uint64_t offset, bytes;
	struct iovec *iov; /* READ, WRITE: as many bytes in all */
	unsigned int iov_count;

	/* error is 0 or an errno. Called on the loop's thread, never from within file_submit(),
	 * but maybe from within file_run(). offset, bytes and iov are no longer what they were.
	 */
	void (*done)(struct file_request *r, int error);
	void *owner;

	/* the file's own */
	struct file_request *next;
	struct file *file;
	int error;
};

/* Called after one or more done(): when it is time to tell somebody about them all. */
struct file_batch {
	void (*end)(void *owner);
	void *owner;
};

struct file_info {
	uint64_t bytes; /* when it was opened, or after file_resize() */
	bool readonly, direct, block_device;
	bool discard;             /* DISCARD gives space back */
	unsigned int block_bytes; /* requests aligned to this are the fast ones: 512 or 4096 */
	const char *engine;       /* "io_uring", "threads", or "memory": at once */
};

/* Open and lock it. batch is the caller's and stays; may be NULL. NULL with a sentence. */
struct file *file_open(const char *path, unsigned int flags, struct loop *loop,
		       const struct file_batch *batch);
void file_close(struct file *f); /* NULL is fine; nothing may be in flight */

const struct file_info *file_info(const struct file *f);

/* Take a request over; it may wait for file_run() before it is begun. */
void file_submit(struct file *f, struct file_request *r);

/* Begin what was submitted, and answer what is finished already. */
void file_run(struct file *f);

/* Return when nothing is in flight; done() has been called for all. */
void file_drain(struct file *f);

/* Do one thing now, and wait for it. 0 or an errno. For formats, while they open and close. */
int file_transfer(struct file *f, enum disk_op op, uint64_t offset, void *data, size_t bytes);

/* Make it longer or shorter, now. 0 or an errno. Any thread that may touch the file. */
int file_resize(struct file *f, uint64_t bytes);

#endif
