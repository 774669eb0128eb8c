/* A file that is a disk: see disk_case.h. */
#include "tests/unit/vmm/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/vmm/disk_case.h"
#include "tests/unit/vmm/disk_option.h"

struct disk_case disk_case;

static bool submitting;

/* A new file of zeroes in the folder; its path into path. */
static int make_file(char path[static sizeof(disk_case.path)], const char *folder)
{
	int fd, failed;

	snprintf(path, sizeof(disk_case.path), "%s/strata-test-disk.XXXXXX", folder);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	failed = ftruncate(fd, DISK_CASE_BYTES);
	close(fd);
	if (failed)
		unlink(path);
	return failed;
}

int disk_case_setup(void **state)
{
	(void)state;
	disk_case.loop = loop_create("test");
	return make_file(disk_case.path, "/var/tmp");
}

int disk_case_teardown(void **state)
{
	(void)state;
	loop_destroy(disk_case.loop);
	return unlink(disk_case.path);
}

int disk_case_move_to(const char *folder)
{
	char path[sizeof(disk_case.path)];

	if (make_file(path, folder))
		return -1;
	unlink(disk_case.path);
	strcpy(disk_case.path, path);
	return 0;
}

struct disk *disk_case_open(const char *more)
{
	char text[256];

	snprintf(text, sizeof(text), "file=%s%s", disk_case.path, more);
	return disk_option_open(text, disk_case.loop);
}

void disk_case_answered(struct disk_request *r, int error)
{
	struct disk_case_request *q = r->owner;

	assert_false(submitting);
	q->answers++;
	q->error = error;
}

void disk_case_submit(struct disk *d, struct disk_case_request *q, enum disk_op op,
		      uint64_t offset, uint64_t bytes)
{
	q->r.op = op;
	q->r.offset = offset;
	q->r.bytes = bytes;
	q->r.done = disk_case_answered;
	q->r.owner = q;
	q->answers = 0;
	submitting = true;
	disk_submit(d, &q->r);
	submitting = false;
}

int disk_case_do(struct disk *d, struct disk_case_request *q, enum disk_op op, uint64_t offset,
		 uint64_t bytes)
{
	disk_case_submit(d, q, op, offset, bytes);
	disk_run(d);
	disk_drain(d);
	assert_int_equal(q->answers, 1);
	return q->error;
}

int disk_case_transfer(struct disk *d, enum disk_op op, uint64_t offset, void *data,
		       size_t bytes)
{
	struct disk_case_request q = {.r = {.iov = q.iov, .iov_count = 1},
				      .iov = {{data, bytes}}};

	return disk_case_do(d, &q, op, offset, bytes);
}

json_int_t disk_case_status(struct disk *d, const char *key)
{
	json_t *j = json_object();
	json_int_t n;

	disk_status(d, j);
	n = json_integer_value(json_object_get(j, key));
	json_decref(j);
	return n;
}

bool disk_case_status_says(struct disk *d, const char *key, const char *value)
{
	json_t *j = json_object();
	bool same;

	disk_status(d, j);
	same = !strcmp(json_string_value(json_object_get(j, key)), value);
	json_decref(j);
	return same;
}
