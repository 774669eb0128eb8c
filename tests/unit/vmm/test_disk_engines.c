/*
 * Disks over files, through each engine, cached and direct: every operation against a copy in
 * memory, many at once, and from the I/O loop's thread.
 */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/disk_case.h"

/* ---- anything at all, compared with what it should do to a copy ---- */

static uint8_t *copy;
static uint8_t *data;

/* Cut the request's data into pieces of any length, in a buffer that begins anywhere. */
static void cut(struct disk_case_request *a, size_t bytes)
{
	size_t at = 0;
	unsigned int n;

	a->r.iov = a->iov;
	for (n = 0; n < DISK_CASE_IOVS && at < bytes; n++) {
		size_t len = 1 + (size_t)rand() % (bytes - at);

		if (n == DISK_CASE_IOVS - 1 || rand() % 4 == 0)
			len = bytes - at;
		a->iov[n] = (struct iovec){data + at, len};
		at += len;
	}
	a->r.iov_count = n;
}

static void try_one(struct disk *d)
{
	struct disk_case_request a = {
		.r = {.may_unmap = rand() % 2, .durable = rand() % 4 == 0}};
	enum disk_op op = (enum disk_op)(rand() % (DISK_WRITE_ZEROES + 1));
	unsigned int shift = rand() % 2 ? 9 : 12;
	size_t bytes = (1 + (size_t)rand() % 40) << shift;
	uint64_t offset = ((uint64_t)rand() << shift) % (DISK_CASE_BYTES - bytes);
	uint8_t *was = data;

	data += rand() % 2 ? 0 : rand() % 64;
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)rand();
	cut(&a, bytes);
	assert_int_equal(disk_case_do(d, &a, op, offset, bytes), 0);
	if (op == DISK_READ)
		assert_memory_equal(data, copy + offset, bytes);
	else if (op == DISK_WRITE)
		memcpy(copy + offset, data, bytes);
	else if (op == DISK_WRITE_ZEROES)
		memset(copy + offset, 0, bytes);
	else if (op == DISK_DISCARD) /* to what, is the host's choice */
		assert_int_equal(disk_case_transfer(d, DISK_READ, offset, copy + offset, bytes),
				 0);
	data = was;
}

static void try_anything(const char *options)
{
	struct disk *d = disk_case_open(options);

	assert_non_null(d);
	copy = calloc(1, DISK_CASE_BYTES);
	data = aligned_alloc(4096, DISK_CASE_BYTES);
	srand(1);
	for (int i = 0; i < 300; i++)
		try_one(d);
	assert_int_equal(disk_case_transfer(d, DISK_READ, 0, data, DISK_CASE_BYTES), 0);
	assert_memory_equal(data, copy, DISK_CASE_BYTES);
	assert_int_equal(disk_case_status(d, "errors"), 0);
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
	if (disk_case_move_to("/dev/shm"))
		skip();
	d = disk_case_open("");
	assert_true(disk_case_status_says(d, "engine", "memory"));
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

		if (disk_case_move_to(folders[i]))
			continue;
		d = disk_case_open(",cache=direct");
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
	d = disk_case_open("");
	assert_true(disk_case_status_says(d, "engine", "threads"));
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
	struct disk_case_request *many = calloc(MANY, sizeof(*many));
	uint8_t *blocks = malloc(MANY * 512);
	struct disk *d = disk_case_open("");

	(void)state;
	assert_true(disk_case_status_says(d, "engine", "io_uring"));
	disk_on_batch_end(d, count_batch, NULL);
	batches = 0;
	for (size_t i = 0; i < MANY; i++) {
		memset(blocks + i * 512, (int)i, 512);
		many[i].iov[0] = (struct iovec){blocks + i * 512, 512};
		many[i].r.iov = many[i].iov;
		many[i].r.iov_count = 1;
		disk_case_submit(d, &many[i], DISK_WRITE, i * 512, 512);
	}
	disk_drain(d);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(many[i].answers, 1);
	assert_in_range(batches, 1, MANY / 2);
	assert_int_equal(disk_case_status(d, "writes"), MANY);
	assert_int_equal(disk_case_status(d, "written_bytes"), MANY * 512);
	for (size_t i = 0; i < MANY; i++) {
		uint8_t back[512];

		assert_int_equal(disk_case_transfer(d, DISK_READ, i * 512, back, 512), 0);
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
	static struct disk_case_request parts[64];
	static uint8_t part[64][512], back[512];
	struct disk *d;

	(void)state;
	if (disk_case_move_to("/dev/shm") || !(d = disk_case_open(",cache=direct")))
		skip();
	for (size_t i = 0; i < 64; i++) {
		memset(part[i], (int)i + 1, 512);
		parts[i].iov[0] = (struct iovec){part[i], 512};
		parts[i].r.iov = parts[i].iov;
		parts[i].r.iov_count = 1;
		disk_case_submit(d, &parts[i], DISK_WRITE, (i * 37 % 64) * 512, 512);
	}
	disk_drain(d);
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(parts[i].answers, 1);
		assert_int_equal(parts[i].error, 0);
		assert_int_equal(
			disk_case_transfer(d, DISK_READ, (i * 37 % 64) * 512, back, 512), 0);
		assert_memory_equal(back, part[i], 512);
	}
	disk_close(d);
}

static void answered_file(struct file_request *r, int error)
{
	r->error = error;
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

		assert_int_equal(truncate(disk_case.path, 4096 + 512), 0);
		f = file_open(disk_case.path, FILE_GROWS | direct, disk_case.loop, NULL);
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
	struct disk_case_request asked;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
} remote = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void answered_remotely(struct disk_request *r, int error)
{
	disk_case_answered(r, error);
	pthread_mutex_lock(&remote.lock);
	remote.done = true;
	pthread_cond_signal(&remote.changed);
	pthread_mutex_unlock(&remote.lock);
}

static void submit_remotely(void *arg)
{
	enum disk_op *op = arg;

	disk_case_submit(remote.disk, &remote.asked, *op, 0, 4096);
	remote.asked.r.done = answered_remotely;
	disk_run(remote.disk);
}

static void test_loop(void **state)
{
	static uint8_t block[4096];

	(void)state;
	remote.disk = disk_case_open("");
	assert_int_equal(loop_start(disk_case.loop), 0);
	for (enum disk_op op = DISK_READ; op <= DISK_WRITE_ZEROES; op++) {
		remote.asked = (struct disk_case_request){
			.r = {.iov = remote.asked.iov, .iov_count = 1},
			.iov = {{block, sizeof(block)}}};
		remote.done = false;
		loop_call(disk_case.loop, submit_remotely, &op);
		pthread_mutex_lock(&remote.lock);
		while (!remote.done)
			pthread_cond_wait(&remote.changed, &remote.lock);
		pthread_mutex_unlock(&remote.lock);
		assert_int_equal(remote.asked.error, 0);
	}
	loop_stop(disk_case.loop);
	disk_close(remote.disk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_case_setup, disk_case_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cached),     TEST(test_memory), TEST(test_direct),
		TEST(test_threads),    TEST(test_many),   TEST(test_neighbours),
		TEST(test_file_grows), TEST(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
