/*
 * The inside of an open qcow2 image, for the files qcow2_*.c. Who does what:
 *
 *     qcow2_task.c      waiting, and going on when what was waited for has come
 *     qcow2_page.c      cached pages of the image's tables
 *     qcow2_map.c       guest bytes -> bytes of the file, and changes of that
 *     qcow2_alloc.c     clusters, reserved in advance, taken, freed
 *     qcow2_refcount.c  their refcounts
 *     qcow2_commit.c    in which order all that reaches the host's disk
 *     qcow2_request.c   requests, cut into operations that one lookup answers
 *     qcow2_read.c, qcow2_write.c, qcow2_zero.c   the operations
 *     qcow2_unpack.c    compressed clusters
 *     qcow2_open.c, qcow2_create.c, qcow2.c       images and their backing files
 *
 * Nothing here blocks. A function that needs what is not there yet has the task called again
 * later and returns QCOW2_WAIT; it is then called from the start, so it changes nothing before
 * it has all it needs.
 *
 * Crash safety. A table's entry is written only once what it points to, and that it is in use,
 * is on the host's disk, and what an entry pointed to before is reused only once the new entry
 * is there. Hence the cycle of qcow2_commit.c. After a crash an image has at worst clusters
 * that nobody uses.
 *
 * Threading: as in disk.h; all of an image and its backing files on one loop's thread.
 */
#ifndef STRATA_VMM_BLOCK_QCOW2_IMAGE_H
#define STRATA_VMM_BLOCK_QCOW2_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "vmm/block/file.h"
#include "vmm/block/format.h"
#include "vmm/block/qcow2_entry.h"
#include "vmm/block/qcow2_header.h"

#define QCOW2_CHAIN_MAX   8          /* images over each other */
#define QCOW2_CACHE_BYTES (1U << 20) /* of tables, of one image */
#define QCOW2_OPS_MAX     64         /* of an image, at once */
#define QCOW2_FILL_BYTES  (1U << 20) /* copied for partial clusters, at once */
#define QCOW2_RUNS_MAX    64         /* of clusters in one reservation */
#define QCOW2_FREED_MAX   4096       /* runs of clusters that wait for being free */
#define QCOW2_WAIT        (-1)       /* beside 0 and an errno */

struct qcow2;

/* ---- qcow2_task.c ---- */

/* Something that goes on in steps. In one list at a time; first in what it is a task of. */
struct qcow2_task {
	void (*step)(struct qcow2_task *t);
	struct qcow2 *q;
	int error; /* why what was waited for did not come; the step's to take notice of */
	struct qcow2_task *next;
};

struct qcow2_list {
	struct qcow2_task *first, *last;
};

struct qcow2_file {
	struct file *file;
	bool to_run; /* something was submitted */
};

/* What an image and its backing files share. */
struct qcow2_chain {
	struct loop *loop;
	struct qcow2 *images[QCOW2_CHAIN_MAX]; /* the first is the disk */
	unsigned int count;
	struct qcow2_list ready;
	bool running;
	bool answered;                  /* requests, since the last end of a batch */
	struct file_batch batch;        /* of the files */
	const struct file_batch *outer; /* of the disk; may be NULL */
};

void qcow2_wait(struct qcow2_list *l, struct qcow2_task *t);
void qcow2_ready(struct qcow2_task *t, int error);
void qcow2_wake(struct qcow2_list *l, int error);
void qcow2_wake_one(struct qcow2_list *l);

/* Submit it; t goes on when it is done. */
void qcow2_file_submit(struct qcow2_file *f, struct file_request *r, struct qcow2_task *t);

/* Do everything that can be done now. */
void qcow2_progress(struct qcow2_chain *c);

/* Return when no request is in flight, and no commit. */
void qcow2_drain(struct qcow2_chain *c);

/* ---- qcow2_page.c ---- */

enum qcow2_table {
	QCOW2_TABLES,    /* L1, L2 and refcount table: written after what they point to */
	QCOW2_REFCOUNTS, /* blocks of refcounts: written before those */
	QCOW2_TABLE_KINDS,
};

struct qcow2_page {
	struct qcow2_task task; /* its loading or writing */
	uint64_t offset;        /* in the file */
	uint8_t *data;
	uint8_t *frozen; /* what is to be written, if data has changed since */
	enum qcow2_table kind;
	bool loading, dirty;
	bool committing; /* to be written by the commit that is going on */
	struct qcow2_list waiting;
	struct qcow2_page *hashed, *newer, *older;
	struct file_request io;
	struct iovec iov;
};

struct qcow2_pages {
	uint32_t bytes; /* of a page */
	unsigned int count, max;
	unsigned int dirty[QCOW2_TABLE_KINDS];
	unsigned int writing;      /* on their way to the file, */
	struct qcow2_task *writer; /* who goes on when they are there, */
	int error;                 /* and what went wrong */
	struct qcow2_page **hash;
	unsigned int hash_mask;
	struct qcow2_page *newest, *oldest;
	struct qcow2_list room; /* wait for a page that can be given up */
};

int qcow2_pages_init(struct qcow2 *q, unsigned int bytes);
void qcow2_pages_free(struct qcow2 *q);

/* The page that offset is in, read if it has to be. 0, QCOW2_WAIT or an errno. */
int qcow2_page(struct qcow2 *q, uint64_t offset, struct qcow2_task *t, struct qcow2_page **out);

/* Before data is changed (and perhaps moved). 0 or ENOMEM. */
int qcow2_page_change(struct qcow2 *q, struct qcow2_page *p, enum qcow2_table kind);

/* Forget what is cached of a range of the file: its clusters have a new use. */
void qcow2_pages_forget(struct qcow2 *q, uint64_t offset, uint64_t bytes);

/* Pages of a kind that are dirty are the commit's, as they are now. Returns how many. */
unsigned int qcow2_pages_freeze(struct qcow2 *q, enum qcow2_table kind);

/* Write the commit's pages of that kind. 0 if there are none, or QCOW2_WAIT. */
int qcow2_pages_write(struct qcow2 *q, enum qcow2_table kind, struct qcow2_task *t);

/* ---- qcow2_map.c ---- */

enum qcow2_kind {
	QCOW2_NONE, /* the backing file's, or zeroes */
	QCOW2_ZERO,
	QCOW2_DATA,
	QCOW2_PACKED,
};

/* What the guest's bytes from an offset on are. */
struct qcow2_extent {
	enum qcow2_kind kind;
	bool owned;    /* nobody else uses the clusters */
	uint64_t host; /* of the first byte's cluster, 0 if there is none; PACKED: of the
			* compressed data */
	uint32_t packed_bytes;
	uint64_t bytes; /* so many go on like this; host clusters in a row */
};

int qcow2_map(struct qcow2 *q, uint64_t offset, uint64_t bytes, struct qcow2_task *t,
	      struct qcow2_extent *e);

/* How far one page of an L2 table reaches from offset on. */
uint64_t qcow2_reach(const struct qcow2 *q, uint64_t offset);

/* See to it that the L2 table for offset exists and is this image's alone. */
int qcow2_own_l2(struct qcow2 *q, uint64_t offset, struct qcow2_task *t);

enum qcow2_change {
	QCOW2_TO_DATA,      /* clusters from host on */
	QCOW2_TO_KEPT_ZERO, /* zeroes, their clusters remain reserved */
	QCOW2_TO_ZERO,
	QCOW2_TO_NONE,
};

/* Change count entries from that of offset on, within qcow2_reach(), after qcow2_own_l2(); what
 * they pointed to becomes free. All of it or, with QCOW2_WAIT or an errno, nothing. */
int qcow2_change(struct qcow2 *q, uint64_t offset, uint64_t count, enum qcow2_change how,
		 uint64_t host, struct qcow2_task *t);

/* The page with an entry of a table of 64-bit entries, and where in it. */
int qcow2_entry(struct qcow2 *q, uint64_t table, uint64_t index, struct qcow2_task *t,
		struct qcow2_page **p, uint32_t *at);

/* Header, L1 and refcount table: nothing may point there. */
bool qcow2_is_fixed(const struct qcow2 *q, uint64_t cluster);

/* A cluster of the file that something may point to. */
bool qcow2_is_cluster(const struct qcow2 *q, uint64_t offset);

/* Say once that the image is damaged. Always returns EIO. */
int qcow2_damaged(struct qcow2 *q, const char *what, uint64_t where);

/* ---- qcow2_alloc.c ---- */

struct qcow2_run {
	uint64_t first, count; /* clusters */
	bool fresh;            /* beyond the file's end till now: they are zeroes */
};

struct qcow2_runs {
	struct qcow2_run *run;
	unsigned int count, max;
};

struct qcow2_alloc {
	uint64_t end;           /* of the file, in clusters; reserved ones are before it */
	uint64_t limit;         /* clusters that the refcount table can count */
	bool fixed_end;         /* a block device does not grow */
	uint64_t hint;          /* where to look for free clusters */
	bool behind_hint;       /* there are some before it, too */
	struct qcow2_runs pool; /* to be taken */
	uint64_t pooled;        /* clusters in it */
	struct qcow2_list waiting;

	/* the reservation going on */
	struct qcow2_task task;
	bool busy;
	uint64_t wanted, got, scanned;
	struct qcow2_runs reserved;
	uint8_t *block;  /* the refcount block being made */
	bool new_block;  /* made, and not yet in the refcount table on the host's disk, */
	bool committing; /* on its way there */
	struct file_request block_io;
	struct iovec block_iov;

	struct qcow2_runs freed;   /* by changes not yet committed */
	struct qcow2_runs freeing; /* by those that are being */
	struct qcow2_runs unused;  /* by those that are: to be given back */
	bool punching;
	uint64_t punched; /* clusters of unused's last run that are holes now */
	struct file_request punch_io;
};

void qcow2_alloc_init(struct qcow2 *q);
void qcow2_alloc_free(struct qcow2 *q);

/* Take up to count clusters in a row. 0 with at least one, QCOW2_WAIT or an errno. */
int qcow2_take(struct qcow2 *q, uint64_t count, struct qcow2_task *t, struct qcow2_run *out);

/* They were taken but not used. */
void qcow2_untake(struct qcow2 *q, struct qcow2_run run);

/* Room for count more runs of freed clusters. 0, QCOW2_WAIT or an errno. */
int qcow2_free_room(struct qcow2 *q, unsigned int count, struct qcow2_task *t);
void qcow2_free(struct qcow2 *q, uint64_t first, uint64_t count);

/* What is reserved may be taken. */
void qcow2_reserved(struct qcow2 *q);

/* For the cycle of commits. */
void qcow2_freed_freeze(struct qcow2 *q);
void qcow2_freed_are_committed(struct qcow2 *q);
void qcow2_pool_is_unused(struct qcow2 *q); /* the image is being closed */

/* false: no memory */
bool qcow2_runs_put(struct qcow2_runs *r, uint64_t first, uint64_t count, bool fresh);

/* ---- qcow2_refcount.c ---- */

/* How many clusters the refcount table can count. */
uint64_t qcow2_refcount_limit(const struct qcow2 *q);

/* Have clusters reserved: their refcounts counted up. */
void qcow2_reserve(struct qcow2 *q);

/* A refcount block that is new now is this commit's; and that has succeeded. */
void qcow2_block_freeze(struct qcow2 *q);
void qcow2_block_is_committed(struct qcow2 *q);

/* Count down what is unused, as much as there is memory for at once. */
int qcow2_give_back(struct qcow2 *q, struct qcow2_task *t);

/* ---- qcow2_commit.c ---- */

struct qcow2_commit {
	struct qcow2_task task;
	unsigned int step;
	bool waiting; /* for the step's end */
	bool wanted, busy;
	bool lost;              /* a flush failed: what the host's disk has is not known */
	unsigned int tables;    /* pages of this commit */
	struct qcow2_list next; /* flushes for the next cycle */
	struct qcow2_list now;  /* flushes of this one */
	struct qcow2_list done; /* want to know of its end */
	struct file_request io;
	struct loop_source timer;
	bool timer_set;
};

int qcow2_commit_init(struct qcow2 *q);
void qcow2_commit_end(struct qcow2 *q);

/* Have a cycle soon: clusters or pages are wanted. */
void qcow2_commit_soon(struct qcow2 *q);

/* Have one within a fifth of a second: tables have changed. */
void qcow2_commit_later(struct qcow2 *q);

/* t goes on when all that was answered before is safe. */
void qcow2_flush(struct qcow2 *q, struct qcow2_task *t);

/* ---- qcow2_request.c ---- */

/* A request to an image: its user's to fill in, down to owner. */
struct qcow2_request {
	struct qcow2_task task;
	enum disk_op op;
	bool may_unmap;
	uint64_t offset, end; /* of what has not yet begun */
	struct iovec *iov;
	unsigned int iov_count;
	void (*done)(struct qcow2_request *r, int error); /* as in disk.h */
	void *owner;

	size_t iov_skip; /* bytes of the first iovec that have begun */
	bool dispatching;
	unsigned int pending; /* operations */
	int error;
};

void qcow2_submit(struct qcow2 *q, struct qcow2_request *r);

struct qcow2_op;

/* Bytes on their way from the image below or from the file. */
struct qcow2_fetch {
	struct qcow2_task task;
	struct qcow2_op *op;
	struct qcow2_task *then;
	struct qcow2_request request;
	struct file_request io;
	struct iovec iov;
};

struct qcow2_op {
	struct qcow2_task task;
	struct qcow2_request *request;
	void (*go)(struct qcow2_op *op); /* what to do next */
	uint64_t offset, bytes;          /* of the guest */
	bool fixed;                      /* bytes is */
	struct qcow2_extent extent;
	struct iovec *iov, *own_iov;
	unsigned int iov_count;
	struct file_request io;

	/* the clusters it holds */
	uint64_t first, last;
	bool exclusive;
	void (*held)(struct qcow2_op *op); /* what to do when it does */
	struct qcow2_op *before, *after;
	struct qcow2_list waiting;

	/* writing to new clusters */
	bool zeroes; /* nothing but */
	struct qcow2_run run;
	bool kept;           /* they were the image's before */
	uint64_t head, tail; /* bytes to be filled in before and behind */
	uint8_t *fill;
	unsigned int filling; /* parts on their way */
	int fill_error;
	struct qcow2_fetch fetch[2];
};

/* The operation covers so many bytes of its request; the rest is for the next. 0 or ENOMEM. */
int qcow2_op_fix(struct qcow2_op *op, uint64_t bytes);

/* How many of so many bytes, in whole sectors, a number of iovecs can hold. */
uint64_t qcow2_op_limit(const struct qcow2_op *op, uint64_t bytes, unsigned int iovs);

/* Let go of the clusters, and hold them alone. */
void qcow2_op_exclude(struct qcow2_op *op, void (*held)(struct qcow2_op *op));

/* Its end. */
void qcow2_op_done(struct qcow2_op *op, int error);
void qcow2_ops_free(struct qcow2 *q);

/* ---- qcow2_read.c, qcow2_write.c, qcow2_zero.c ---- */

void qcow2_read(struct qcow2_op *op);
void qcow2_write(struct qcow2_op *op);
void qcow2_write_alone(struct qcow2_op *op); /* its clusters are held alone */
void qcow2_write_clean_up(struct qcow2_op *op, int error);
void qcow2_zero(struct qcow2_op *op); /* DISCARD and WRITE_ZEROES */

/* The last step of an operation whose data is in the file. */
void qcow2_op_transfer(struct qcow2_op *op, enum disk_op how, bool may_unmap);

/* Read from the image below; the range is within it. */
void qcow2_fetch(struct qcow2 *q, struct qcow2_fetch *f, uint64_t offset, uint64_t bytes,
		 struct iovec *iov, unsigned int count, struct qcow2_task *then);

bool qcow2_reads_zeroes(const struct qcow2 *q, const struct qcow2_extent *e, uint64_t offset);

/* ---- qcow2_unpack.c ---- */

struct qcow2_unpacker {
	struct qcow2_task task;
	uint64_t host;    /* of what is in cluster; 0: nothing is */
	uint64_t reading; /* of what is on its way */
	uint8_t *cluster, *packed;
	uint32_t packed_bytes;
	bool busy;
	struct qcow2_list waiting;
	struct file_request io;
	struct iovec iov;
};

/* The cluster of a PACKED extent; valid till the task's step ends. 0, QCOW2_WAIT or an errno.
 */
int qcow2_unpack(struct qcow2 *q, const struct qcow2_extent *e, struct qcow2_task *t,
		 const uint8_t **cluster);
void qcow2_unpack_free(struct qcow2 *q);

/* Pure. 0 with bytes of out filled, ENOMEM or EIO. */
int qcow2_inflate(bool zstd, const uint8_t *in, size_t in_bytes, uint8_t *out, size_t bytes);

/* ---- the image ---- */

/* One at a time makes an L2 table. */
struct qcow2_maker {
	struct qcow2_task task;
	void (*go)(struct qcow2_maker *m);
	bool busy;
	uint64_t index, old; /* the L1 entry; the table to be copied, or 0 */
	struct qcow2_run run;
	uint8_t *table;
	struct qcow2_list waiting;
	struct file_request io;
	struct iovec iov;
};

struct qcow2 {
	struct qcow2_chain *chain;
	char *path;
	dev_t device;
	ino_t inode;
	struct qcow2_file own;
	bool readonly;
	struct qcow2_header h;
	uint64_t bytes;   /* of the disk, whole sectors */
	uint64_t cluster; /* bytes */

	/* the image below, if there is one */
	struct qcow2 *below;
	struct qcow2_file raw; /* if it is not qcow2 */
	uint64_t below_bytes;
	char *below_path;

	struct qcow2_pages pages;
	struct qcow2_alloc alloc;
	struct qcow2_commit commit;
	struct qcow2_maker maker;
	struct qcow2_unpacker unpacker;

	unsigned int requests; /* not yet answered */
	struct qcow2_op *first_op, *last_op, *spare_ops;
	unsigned int ops;
	struct qcow2_list op_room;
	uint64_t fill_bytes; /* in use */
	struct qcow2_list fill_room;
	bool said_damaged;

	uint64_t taken, commits; /* counters */
};

/* ---- qcow2_open.c, qcow2_overlay.c, qcow2_create.c, qcow2_grow.c ---- */

/* Open the image of the options and all below it. NULL with a sentence. */
struct qcow2_chain *qcow2_open(const struct disk_options *o);

/* The same for one that the options do not name. told: somebody says that it is qcow2. */
struct qcow2_chain *qcow2_open_chain(const struct disk_options *o, const char *path, bool told,
				     bool readonly);

/* The path of the image below: names are relative to the image's own folder. NULL with a
 * sentence; the caller frees it. */
char *qcow2_path_below(const struct qcow2 *q);

/* Make the options' overlay if it is not there. Fails with a sentence. */
int qcow2_overlay_prepare(const struct disk_options *o);

/* Is q, the options' overlay, one over the options' image? Fails with a sentence. */
int qcow2_overlay_check(const struct qcow2 *q, const struct disk_options *o);

/* Write what is still to be written, and close. NULL is fine. */
void qcow2_close(struct qcow2_chain *c);

/* Make an image over another: all of it is the other's at first. Fails with a sentence. */
int qcow2_create(const char *path, uint64_t bytes, const char *backing, const char *format);

/* Where the image's refcount table cannot count as many clusters as it may come to use, give it
 * a longer one. Blocks. */
int qcow2_grow(struct qcow2 *q);

#endif
