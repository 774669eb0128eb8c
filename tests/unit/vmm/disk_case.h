/*
 * A file that is a disk, for each test of one, and requests to it that are answered exactly
 * once: anything else fails the test.
 */
#ifndef STRATA_TESTS_DISK_CASE_H
#define STRATA_TESTS_DISK_CASE_H

#include "vmm/block/disk.h"

#define DISK_CASE_BYTES (1u << 20)
#define DISK_CASE_IOVS  8

struct disk_case {
	struct loop *loop;
	char path[64]; /* of the file, full of zeroes */
};

extern struct disk_case disk_case;

/* Before and after each test. */
int disk_case_setup(void **state);
int disk_case_teardown(void **state);

/* Have the file, as new, in another folder; fails, with the file where it was, if it cannot be
 * there. */
int disk_case_move_to(const char *folder);

/* The disk, with more options than its file; NULL with a sentence. */
struct disk *disk_case_open(const char *more);

struct disk_case_request {
	struct disk_request r;
	struct iovec iov[DISK_CASE_IOVS];
	unsigned int answers;
	int error;
};

/* Submit a request whose data and flags are in q->r already; no answer may come before this
 * returns. */
void disk_case_submit(struct disk *d, struct disk_case_request *q, enum disk_op op,
		      uint64_t offset, uint64_t bytes);

/* The callback of what was submitted, for one who has more to do then. */
void disk_case_answered(struct disk_request *r, int error);

/* Submit, and wait for the answer; the error. */
int disk_case_do(struct disk *d, struct disk_case_request *q, enum disk_op op, uint64_t offset,
		 uint64_t bytes);

/* The same for data in one piece. */
int disk_case_transfer(struct disk *d, enum disk_op op, uint64_t offset, void *data,
		       size_t bytes);

/* The disk's status: a number of it, and whether a text of it is this. */
json_int_t disk_case_status(struct disk *d, const char *key);
bool disk_case_status_says(struct disk *d, const char *key, const char *value);

#endif
