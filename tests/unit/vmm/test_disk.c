/*
 * Disks over files: every operation against a copy in memory, through each engine, cached and
 * direct; bounds; errors of the host; locks.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/disk.h"

#define BYTES (1u << 20)
#define IOVS  8

static const struct argument table[] = {
	DISK_ARGUMENTS,
	{NULL, NULL, false, NULL},
};

static struct loop *loop;
static char path[64];

static int make_file(const char *folder)
{
	int fd;

	snprintf(path, sizeof(path), "%s/strata-test-disk.XXXXXX", folder);
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, BYTES))
		return -1;
	return close(fd);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_create("test");
	return make_file("/var/tmp");
}

static int teardown(void **state)
{
	(void)state;
	loop_destroy(loop);
	return unlink(path);
}

static struct disk *open_with(const char *more)
{
	struct arguments a;
	struct disk *d;
	char text[256];

	snprintf(text, sizeof(text), "file=%s%s", path, more);
	if (arguments_parse(&a, text, table))
		return NULL;
	d = disk_check(&a) ? NULL : disk_open(&a, loop);
	arguments_free(&a);
	return d;
}

/* ---- one request ---- */

struct asked {
	struct disk_request r;
	struct iovec iov[IOVS];
	unsigned int answers;
	int error;
};

static bool submitting;

static void answered(struct disk_request *r, int error)
{
	struct asked *a = r->owner;

	assert_false(submitting);
	a->answers++;
	a->error = error;
}

static void submit(struct disk *d, struct asked *a, enum disk_op op, uint64_t offset,
		   uint64_t bytes)
{
	a->r.op = op;
	a->r.offset = offset;
	a->r.bytes = bytes;
	a->r.done = answered;
	a->r.owner = a;
	a->answers = 0;
	submitting = true;
	disk_submit(d, &a->r);
	submitting = false;
}

static int ask(struct disk *d, struct asked *a, enum disk_op op, uint64_t offset,
	       uint64_t bytes)
{
	submit(d, a, op, offset, bytes);
	disk_run(d);
	disk_drain(d);
	assert_int_equal(a->answers, 1);
	return a->error;
}

static void answered_file(struct file_request *r, int error)
{
	r->error = error;
}

static int move(struct disk *d, enum disk_op op, uint64_t offset, void *data, size_t bytes)
{
	struct asked a = {.r = {.iov = a.iov, .iov_count = 1}, .iov = {{data, bytes}}};

	return ask(d, &a, op, offset, bytes);
}

static json_int_t status(struct disk *d, const char *key)
{
	json_t *j = json_object();
	json_int_t n;

	disk_status(d, j);
	n = json_integer_value(json_object_get(j, key));
	json_decref(j);
	return n;
}

static bool status_says(struct disk *d, const char *key, const char *value)
{
	json_t *j = json_object();
	bool same;

	disk_status(d, j);
	same = !strcmp(json_string_value(json_object_get(j, key)), value);
	json_decref(j);
	return same;
}

/* ---- anything at all, compared with what it should do to a copy ---- */

static uint8_t *copy;
static uint8_t *data;

/* Cut the request's data into pieces of any length, in a buffer that begins anywhere. */
static void cut(struct asked *a, size_t bytes)
{
	size_t at = 0;
	unsigned int n;

	a->r.iov = a->iov;
	for (n = 0; n < IOVS && at < bytes; n++) {
		size_t len = 1 + (size_t)rand() % (bytes - at);

		if (n == IOVS - 1 || rand() % 4 == 0)
			len = bytes - at;
		a->iov[n] = (struct iovec){data + at, len};
		at += len;
	}
	a->r.iov_count = n;
}

static void try_one(struct disk *d)
{
	struct asked a = {.r = {.may_unmap = rand() % 2, .durable = rand() % 4 == 0}};
	enum disk_op op = (enum disk_op)(rand() % (DISK_WRITE_ZEROES + 1));
	unsigned int shift = rand() % 2 ? 9 : 12;
	size_t bytes = (1 + (size_t)rand() % 40) << shift;
	uint64_t offset = ((uint64_t)rand() << shift) % (BYTES - bytes);
	uint8_t *was = data;

	data += rand() % 2 ? 0 : rand() % 64;
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)rand();
	cut(&a, bytes);
	assert_int_equal(ask(d, &a, op, offset, bytes), 0);
	if (op == DISK_READ)
		assert_memory_equal(data, copy + offset, bytes);
	else if (op == DISK_WRITE)
		memcpy(copy + offset, data, bytes);
	else if (op == DISK_WRITE_ZEROES)
		memset(copy + offset, 0, bytes);
	else if (op == DISK_DISCARD) /* to what, is the host's choice */
		assert_int_equal(move(d, DISK_READ, offset, copy + offset, bytes), 0);
	data = was;
}

static void try_anything(const char *options)
{
	struct disk *d = open_with(options);

	assert_non_null(d);
	copy = calloc(1, BYTES);
	data = aligned_alloc(4096, BYTES);
	srand(1);
	for (int i = 0; i < 300; i++)
		try_one(d);
	assert_int_equal(move(d, DISK_READ, 0, data, BYTES), 0);
	assert_memory_equal(data, copy, BYTES);
	assert_int_equal(status(d, "errors"), 0);
	disk_close(d);
	free(data);
	free(copy);
}

static void test_cached(void **state)
{
	(void)state;
	try_anything("");
}

/* A file in memory needs neither ring nor threads. */
static void test_memory(void **state)
{
	struct disk *d;

	(void)state;
	unlink(path);
	if (make_file("/dev/shm")) {
		make_file("/var/tmp");
		skip();
	}
	d = open_with("");
	assert_true(status_says(d, "engine", "memory"));
	disk_close(d);
	try_anything("");
}

/* Whether it is direct, and how it must be aligned, depends on the folder's file system. */
static void test_direct(void **state)
{
	const char *folders[] = {"/var/tmp", "/dev/shm"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct disk *d;

		unlink(path);
		if (make_file(folders[i]))
			continue;
		d = open_with(",cache=direct");
		if (!d)
			assert_non_null(strstr(err_text(), "leave out cache=direct"));
		disk_close(d);
		if (d)
			try_anything(",cache=direct");
	}
}

/* ---- without io_uring ---- */

static int forbid_io_uring(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Two disks, and what is said of them is said once. */
static void without_io_uring(void)
{
	char said[512] = "";
	int out[2];
	struct disk *d;

	if (forbid_io_uring() || pipe(out) || dup2(out[1], STDERR_FILENO) < 0)
		_exit(2);
	d = open_with("");
	assert_true(status_says(d, "engine", "threads"));
	disk_close(d);
	try_anything("");
	assert_true(read(out[0], said, sizeof(said) - 1) > 0);
	assert_non_null(strstr(said, "no io_uring"));
	assert_null(strstr(strstr(said, "no io_uring") + 1, "no io_uring"));
}

static void test_threads(void **state)
{
	pid_t child = fork();
	int how;

	(void)state;
	if (!child) {
		without_io_uring();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFEXITED(how));
	assert_int_equal(WEXITSTATUS(how), 0);
}

/* ---- many at once ---- */

#define MANY 700 /* more than a ring holds */

static unsigned int batches;

static void count_batch(void *owner)
{
	(void)owner;
	batches++;
}

static void test_many(void **state)
{
	struct asked *many = calloc(MANY, sizeof(*many));
	uint8_t *blocks = malloc(MANY * 512);
	struct disk *d = open_with("");

	(void)state;
	assert_true(status_says(d, "engine", "io_uring"));
	disk_on_batch_end(d, count_batch, NULL);
	batches = 0;
	for (size_t i = 0; i < MANY; i++) {
		memset(blocks + i * 512, (int)i, 512);
		many[i].iov[0] = (struct iovec){blocks + i * 512, 512};
		many[i].r.iov = many[i].iov;
		many[i].r.iov_count = 1;
		submit(d, &many[i], DISK_WRITE, i * 512, 512);
	}
	disk_drain(d);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(many[i].answers, 1);
	assert_in_range(batches, 1, MANY / 2);
	assert_int_equal(status(d, "writes"), MANY);
	assert_int_equal(status(d, "written_bytes"), MANY * 512);
	for (size_t i = 0; i < MANY; i++) {
		uint8_t back[512];

		assert_int_equal(move(d, DISK_READ, i * 512, back, 512), 0);
		assert_memory_equal(back, blocks + i * 512, 512);
	}
	disk_close(d);
	free(many);
	free(blocks);
}

/* Parts of one block, at once, where the host takes whole ones only: each is there at the end.
 */
static void test_neighbours(void **state)
{
	static struct asked parts[64];
	static uint8_t part[64][512], back[512];
	struct disk *d;

	(void)state;
	unlink(path);
	if (make_file("/dev/shm") || !(d = open_with(",cache=direct"))) {
		make_file("/var/tmp");
		skip();
	}
	for (size_t i = 0; i < 64; i++) {
		memset(part[i], (int)i + 1, 512);
		parts[i].iov[0] = (struct iovec){part[i], 512};
		parts[i].r.iov = parts[i].iov;
		parts[i].r.iov_count = 1;
		submit(d, &parts[i], DISK_WRITE, (i * 37 % 64) * 512, 512);
	}
	disk_drain(d);
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(parts[i].answers, 1);
		assert_int_equal(parts[i].error, 0);
		assert_int_equal(move(d, DISK_READ, (i * 37 % 64) * 512, back, 512), 0);
		assert_memory_equal(back, part[i], 512);
	}
	disk_close(d);
}

/* A format's own file: what is read beyond its end is zeroes, and it grows. */
static void test_file_grows(void **state)
{
	static uint8_t block[8192], zeroes[8192];

	(void)state;
	for (unsigned int direct = 0; direct <= FILE_DIRECT; direct += FILE_DIRECT) {
		struct file_request r = {.op = DISK_READ, .done = answered_file};
		struct file *f;
		struct iovec iov;

		assert_int_equal(truncate(path, 4096 + 512), 0);
		f = file_open(path, FILE_GROWS | direct, loop, NULL);
		if (!f)
			continue;
		for (uint64_t at = 0; at <= 16384; at += 512) {
			iov = (struct iovec){block, sizeof(block)};
			memset(block, 1, sizeof(block));
			r.offset = at;
			r.bytes = sizeof(block);
			r.iov = &iov;
			r.iov_count = 1;
			file_submit(f, &r);
			file_drain(f);
			assert_int_equal(r.error, 0);
			assert_memory_equal(block, zeroes, sizeof(block));
		}
		memset(block, 7, sizeof(block));
		assert_int_equal(file_transfer(f, DISK_WRITE, 65536, block, sizeof(block)), 0);
		memset(block, 0, sizeof(block));
		assert_int_equal(file_transfer(f, DISK_READ, 65536, block, sizeof(block)), 0);
		assert_int_equal(block[8191], 7);
		assert_int_equal(file_resize(f, 4096), 0);
		assert_int_equal(file_info(f)->bytes, 4096);
		file_close(f);
	}
}

/* As a device uses it: submitted on the loop's thread, answered there. */
static struct {
	struct disk *disk;
	struct asked asked;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
} remote = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void answered_remotely(struct disk_request *r, int error)
{
	answered(r, error);
	pthread_mutex_lock(&remote.lock);
	remote.done = true;
	pthread_cond_signal(&remote.changed);
	pthread_mutex_unlock(&remote.lock);
}

static void submit_remotely(void *arg)
{
	enum disk_op *op = arg;

	submit(remote.disk, &remote.asked, *op, 0, 4096);
	remote.asked.r.done = answered_remotely;
	disk_run(remote.disk);
}

static void test_loop(void **state)
{
	static uint8_t block[4096];

	(void)state;
	remote.disk = open_with("");
	assert_int_equal(loop_start(loop), 0);
	for (enum disk_op op = DISK_READ; op <= DISK_WRITE_ZEROES; op++) {
		remote.asked = (struct asked){.r = {.iov = remote.asked.iov, .iov_count = 1},
					      .iov = {{block, sizeof(block)}}};
		remote.done = false;
		loop_call(loop, submit_remotely, &op);
		pthread_mutex_lock(&remote.lock);
		while (!remote.done)
			pthread_cond_wait(&remote.changed, &remote.lock);
		pthread_mutex_unlock(&remote.lock);
		assert_int_equal(remote.asked.error, 0);
	}
	loop_stop(loop);
	disk_close(remote.disk);
}

/* ---- what is refused ---- */

static void test_bounds(void **state)
{
	const struct {
		uint64_t offset, bytes;
	} bad[] = {
		{BYTES, 512},       {BYTES - 512, 1024},
		{0, BYTES + 512},   {UINT64_MAX, 512},
		{0, UINT64_MAX},    {UINT64_MAX - 511, 1024},
		{1ULL << 63, 4096}, {0, 0},
		{1, 512},           {0, 511},
	};
	struct disk *d = open_with("");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (enum disk_op op = DISK_READ; op <= DISK_WRITE_ZEROES; op++) {
			struct asked a = {0};

			if (op == DISK_FLUSH)
				continue;
			assert_int_equal(ask(d, &a, op, bad[i].offset, bad[i].bytes), EINVAL);
		}
	assert_int_equal(status(d, "errors"), 4 * sizeof(bad) / sizeof(bad[0]));
	disk_close(d);
}

static void test_readonly(void **state)
{
	uint8_t block[512];
	struct disk *d = open_with(",readonly");

	(void)state;
	assert_true(disk_info(d)->readonly);
	assert_false(disk_info(d)->discard);
	assert_int_equal(move(d, DISK_READ, 0, block, 512), 0);
	assert_int_equal(move(d, DISK_WRITE, 0, block, 512), EROFS);
	assert_int_equal(move(d, DISK_DISCARD, 0, NULL, 512), EROFS);
	assert_int_equal(move(d, DISK_WRITE_ZEROES, 0, NULL, 512), EROFS);
	disk_close(d);
}

static void test_locks(void **state)
{
	struct disk *reader, *another, *writer;

	(void)state;
	reader = open_with(",readonly");
	another = open_with(",readonly");
	assert_non_null(another);
	assert_null(open_with(""));
	assert_non_null(strstr(err_text(), "in use by another VM"));
	disk_close(reader);
	disk_close(another);
	writer = open_with("");
	assert_non_null(writer); /* at once */
	assert_null(open_with(",readonly"));
	disk_close(writer);
}

static int write_in_pieces(struct disk *d, uint8_t *from)
{
	struct asked a = {.r = {.iov = a.iov, .iov_count = 3},
			  .iov = {{from, 2}, {from + 2, 600}, {from + 602, 422}}};

	return ask(d, &a, DISK_WRITE, 0, 1024);
}

/* A guest may not make of a raw image one that names other files: unless told that it is raw.
 */
static void test_raw_stays_raw(void **state)
{
	uint8_t first[1024] = "QFI\xfb", harmless[1024], back[1024];
	struct disk *d = open_with("");

	(void)state;
	for (size_t i = 0; i < sizeof(harmless); i++)
		harmless[i] = (uint8_t)(i * 7);
	assert_int_equal(write_in_pieces(d, first), EMEDIUMTYPE);
	assert_int_equal(move(d, DISK_WRITE, 512, first, 512), 0);
	assert_int_equal(write_in_pieces(d, harmless), 0);
	assert_int_equal(move(d, DISK_READ, 0, back, sizeof(back)), 0);
	assert_memory_equal(back, harmless, sizeof(harmless));
	disk_close(d);
	d = open_with(",format=raw");
	assert_int_equal(write_in_pieces(d, first), 0);
	disk_close(d);
}

/* A format that does not make a write durable by itself has a flush follow it. */
static void test_durable(void **state)
{
	uint8_t block[512] = {1};
	struct asked a = {.r = {.durable = true, .iov = a.iov, .iov_count = 1},
			  .iov = {{block, sizeof(block)}}};
	char options[96], overlay[80];
	struct disk *d;

	(void)state;
	snprintf(overlay, sizeof(overlay), "%s.overlay", path);
	snprintf(options, sizeof(options), ",overlay=%s", overlay);
	d = open_with(options);
	assert_non_null(d);
	assert_int_equal(ask(d, &a, DISK_WRITE, 0, sizeof(block)), 0);
	assert_int_equal(a.r.op, DISK_WRITE);
	a.r.may_unmap = true;
	assert_int_equal(ask(d, &a, DISK_WRITE_ZEROES, 0, sizeof(block)), 0);
	assert_int_equal(status(d, "writes"), 1);
	assert_int_equal(status(d, "zeroes"), 1);
	assert_int_equal(status(d, "flushes"), 0); /* not the guest's */
	disk_close(d);
	unlink(overlay);
}

/* The file is cut short under the guest: an error, not stale memory. */
static void test_truncated(void **state)
{
	uint8_t block[4096];
	struct disk *d = open_with("");

	(void)state;
	assert_int_equal(truncate(path, 512), 0);
	assert_int_equal(move(d, DISK_READ, 0, block, sizeof(block)), EIO);
	assert_int_equal(move(d, DISK_READ, 8192, block, 512), EIO);
	disk_close(d);
}

/* A host that takes no more: the guest's error, not the VMM's end. */
static void test_host_full(void **state)
{
	struct rlimit before, limit;
	uint8_t block[4096] = {0};
	struct disk *d = open_with("");

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = BYTES / 2;
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(move(d, DISK_WRITE, BYTES / 2, block, sizeof(block)), EFBIG);
	assert_int_equal(move(d, DISK_WRITE, 0, block, sizeof(block)), 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(status(d, "errors"), 1);
	disk_close(d);
}

/* ---- space ---- */

static long blocks_used(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (long)st.st_blocks;
}

static void test_space_is_given_back(void **state)
{
	static uint8_t all[BYTES];
	struct asked a = {.r = {.may_unmap = true}};
	struct disk *d = open_with("");
	long full;

	(void)state;
	if (!disk_info(d)->discard)
		skip();
	memset(all, 1, sizeof(all));
	assert_int_equal(move(d, DISK_WRITE, 0, all, BYTES), 0);
	assert_int_equal(move(d, DISK_FLUSH, 0, NULL, 0), 0);
	full = blocks_used();
	assert_int_equal(move(d, DISK_DISCARD, 0, NULL, BYTES / 2), 0);
	assert_true(blocks_used() <= full - (long)(BYTES / 2 / 512));
	assert_int_equal(ask(d, &a, DISK_WRITE_ZEROES, BYTES / 2, BYTES / 4), 0);
	assert_true(blocks_used() <= full - (long)(BYTES / 4 * 3 / 512));
	assert_int_equal(status(d, "discards"), 1);
	assert_int_equal(status(d, "zeroes"), 1);
	disk_close(d);
}

static void test_arguments(void **state)
{
	const struct {
		const char *options, *says;
	} bad[] = {
		{",cache=none", "cache=none is not known"},
		{",format=vmdk", "format=vmdk is not known"},
		{",overlay=/tmp/x,readonly", "overlay"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(open_with(bad[i].options));
		assert_non_null(strstr(err_text(), bad[i].says));
	}
	assert_int_equal(truncate(path, 0), 0);
	assert_null(open_with(""));
	assert_non_null(strstr(err_text(), "is empty"));
	assert_int_equal(truncate(path, 1023), 0);
	struct disk *d = open_with(",format=raw");

	assert_int_equal(disk_info(d)->bytes, 512); /* whole sectors */
	disk_close(d);
}

/* Reads that cannot be afforded wait, in order; writes are not concerned; a drain waits for
 * nothing. */
static void test_limited(void **state)
{
	struct disk *d = open_with(",format=raw,read-ops=1,burst-ms=1000,write-bytes=1M");
	static uint8_t bytes[3][512];
	struct asked a[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		a[i] = (struct asked){.r = {.iov = a[i].iov, .iov_count = 1},
				      .iov = {{bytes[i], 512}}};
		submit(d, &a[i], DISK_READ, 0, 512);
	}
	disk_run(d);
	assert_int_equal(a[1].answers + a[2].answers, 0);
	disk_drain(d);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a[i].answers, 1);
		assert_int_equal(a[i].error, 0);
	}
	/* What the drain let through is owed. */
	submit(d, &a[0], DISK_READ, 0, 512);
	assert_int_equal(limits_set(disk_limits_of(d), "read-ops", 0), 0);
	disk_run(d);
	assert_int_equal(a[0].answers, 0);
	disk_limits_of(d)->resume(d, LIMIT_IN);
	disk_drain(d);
	assert_int_equal(a[0].answers, 1);
	assert_int_equal(move(d, DISK_WRITE, 0, bytes, 512), 0);
	disk_close(d);
	assert_null(open_with(",read-ops=0"));
	assert_null(open_with(",write-bytes=fast"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cached),     TEST(test_memory),
		TEST(test_direct),     TEST(test_threads),
		TEST(test_many),       TEST(test_neighbours),
		TEST(test_file_grows), TEST(test_loop),
		TEST(test_bounds),     TEST(test_readonly),
		TEST(test_locks),      TEST(test_truncated),
		TEST(test_host_full),  TEST(test_space_is_given_back),
		TEST(test_arguments),  TEST(test_raw_stays_raw),
		TEST(test_durable),    TEST(test_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
