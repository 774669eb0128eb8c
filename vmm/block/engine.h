/*
 * The inside of an open file: what file.c and the two engines behind it share. An engine
 * takes requests and hands them back by file_finished() or file_advanced(), on the loop's
 * thread.
 */
#ifndef STRATA_VMM_BLOCK_ENGINE_H
#define STRATA_VMM_BLOCK_ENGINE_H

#include "vmm/block/file.h"

#define DISK_BLOCK_MIN 512

struct uring;
struct workers;

struct file_queue {
	struct file_request *first, **end; /* end: where the next one's address goes */
};

struct file {
	struct file_info info;
	int fd;
	char *path;
	unsigned int flags;
	unsigned int memory_align; /* of buffers, if direct */
	bool in_memory;            /* a copy is all that reading or writing it takes */
	struct loop *loop;
	const struct file_batch *batch;

	/* the loop's thread only */
	unsigned int in_flight;    /* taken over and not answered */
	unsigned int begun;        /* of these, those that an engine has */
	bool exclusive;            /* one is begun that must be alone */
	bool running;              /* file_run() is being executed */
	bool answered;             /* since the last end of a batch */
	struct file_queue waiting; /* behind one that must be alone */
	struct file_queue at_once; /* begun, for ourselves to do */

	struct uring *uring;     /* NULL: not permitted here */
	struct workers *workers; /* NULL: not yet needed */
};

void file_queue_init(struct file_queue *q);
void file_queue_put(struct file_queue *q, struct file_request *r);
struct file_request *file_queue_take(struct file_queue *q);

/* Open it, lock it, and find out about it. Fails with a sentence. */
int file_find(struct file *f);

/* n more bytes of a read or write have been moved; n of 0 is the end of the file. */
void file_advanced(struct file *f, struct file_request *r, size_t n);
void file_finished(struct file *f, struct file_request *r, int error);

/* Do all of a request before returning: 0 or an errno. Any thread. */
int file_execute(const struct file *f, struct file_request *r);

/* A hole where the request says; 0 or an errno. */
int file_punch(const struct file *f, const struct file_request *r);

/* A read or write has come to the end of the file: finish it, 0 or an errno. */
int file_at_end(const struct file *f, struct file_request *r);

/* Drop the first n bytes of what a read or write still has to move. */
void file_skip(struct file_request *r, size_t n);

/* NULL if the kernel does not let us; errno says why. */
struct uring *uring_create(struct file *f);
void uring_destroy(struct uring *u);
void uring_submit(struct uring *u, struct file_request *r);
bool uring_run(struct uring *u);  /* submit, and hand back; false if there was nothing to do */
void uring_wait(struct uring *u); /* until one is finished */

/* NULL with a sentence. Threads are started as they are needed, count at most. */
struct workers *workers_create(struct file *f, unsigned int count);
void workers_destroy(struct workers *w);
void workers_submit(struct workers *w, struct file_request *r);
bool workers_run(struct workers *w);
void workers_wait(struct workers *w);
bool workers_busy(const struct workers *w);

#endif
