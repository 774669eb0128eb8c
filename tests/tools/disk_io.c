/*
 * I/O on a disk image without a VM: what a device would ask of it, for system tests.
 *
 *     disk_io file=PATH[,...] COMMAND...
 *
 *     dump                     the whole disk to standard output
 *     read OFFSET BYTES        to standard output
 *     write OFFSET BYTES SEED  bytes that follow from the seed and their place
 *     check OFFSET BYTES SEED  are they there?
 *     zeroes OFFSET BYTES, unmap OFFSET BYTES, discard OFFSET BYTES
 *     flush
 *     random ROUNDS SEED MODEL the same requests of all kinds, many at once, to the disk and to
 *                              the raw file MODEL; what is read is compared
 *     status                   as JSON
 *     kill                     end as if by kill -9
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/tools/disk_random.h"
#include "vmm/block/disk.h"

#define PIECE (1U << 20)

static const struct argument table[] = {DISK_ARGUMENTS, {NULL, NULL, false, NULL}};

static void failed(struct disk_request *r, int error)
{
	*(int *)r->owner = error;
}

static int request(struct disk *d, enum disk_op op, uint64_t offset, uint64_t bytes, void *data,
		   bool may_unmap)
{
	struct iovec iov = {data, bytes};
	int error = 0;
	struct disk_request r = {.op = op,
				 .may_unmap = may_unmap,
				 .offset = offset,
				 .bytes = bytes,
				 .iov = &iov,
				 .iov_count = 1,
				 .done = failed,
				 .owner = &error};

	disk_submit(d, &r);
	disk_drain(d);
	return error ? err_set("%s at %" PRIu64 ", %" PRIu64 " bytes: %s", disk_random_name(op),
			       offset, bytes, strerror(error))
		     : 0;
}

/* ---- commands ---- */

struct command {
	const char *name;
	int arguments;
	int (*run)(struct disk *d, char **argv);
};

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

static int copy_out(struct disk *d, uint64_t offset, uint64_t end)
{
	static uint8_t buffer[PIECE];

	while (offset < end) {
		uint64_t n = end - offset < PIECE ? end - offset : PIECE;

		if (request(d, DISK_READ, offset, n, buffer, false))
			return -1;
		if (fwrite(buffer, 1, n, stdout) != n)
			return err_errno("cannot write");
		offset += n;
	}
	return 0;
}

static int dump(struct disk *d, char **argv)
{
	(void)argv;
	return copy_out(d, 0, disk_info(d)->bytes);
}

static int read_some(struct disk *d, char **argv)
{
	return copy_out(d, number(argv[0]), number(argv[0]) + number(argv[1]));
}

static uint8_t pattern(uint64_t at, uint64_t seed)
{
	return (uint8_t)((at / 8 * 0x9e3779b97f4a7c15ULL ^ seed * 0xff51afd7ed558ccdULL) >>
			 (at % 8 * 8));
}

static int write_some(struct disk *d, char **argv)
{
	uint64_t offset = number(argv[0]), bytes = number(argv[1]);
	uint8_t *data = malloc(bytes);
	int r;

	for (uint64_t i = 0; data && i < bytes; i++)
		data[i] = pattern(offset + i, number(argv[2]));
	r = data ? request(d, DISK_WRITE, offset, bytes, data, false) : err_errno("memory");
	free(data);
	return r;
}

static int check(struct disk *d, char **argv)
{
	uint64_t offset = number(argv[0]), bytes = number(argv[1]);
	uint8_t *data = malloc(bytes);
	int r = data ? request(d, DISK_READ, offset, bytes, data, false) : err_errno("memory");

	for (uint64_t i = 0; !r && i < bytes; i++)
		if (data[i] != pattern(offset + i, number(argv[2])))
			r = err_set("byte %" PRIu64 " is not what it should be", offset + i);
	free(data);
	return r;
}

static int zeroes(struct disk *d, char **argv)
{
	return request(d, DISK_WRITE_ZEROES, number(argv[0]), number(argv[1]), NULL, false);
}

static int unmap(struct disk *d, char **argv)
{
	return request(d, DISK_WRITE_ZEROES, number(argv[0]), number(argv[1]), NULL, true);
}

static int discard(struct disk *d, char **argv)
{
	return request(d, DISK_DISCARD, number(argv[0]), number(argv[1]), NULL, false);
}

static int flush(struct disk *d, char **argv)
{
	(void)argv;
	return request(d, DISK_FLUSH, 0, 0, NULL, false);
}

static int run_random(struct disk *d, char **argv)
{
	return disk_random(d, (unsigned int)number(argv[0]), number(argv[1]), argv[2]);
}

static int status(struct disk *d, char **argv)
{
	json_t *into = json_object();

	(void)argv;
	disk_status(d, into);
	json_dumpf(into, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(into);
	return 0;
}

static int end(struct disk *d, char **argv)
{
	(void)d, (void)argv;
	fflush(stdout);
	return kill(getpid(), SIGKILL);
}

static const struct command commands[] = {
	{"dump", 0, dump},       {"read", 2, read_some}, {"write", 3, write_some},
	{"check", 3, check},     {"zeroes", 2, zeroes},  {"unmap", 2, unmap},
	{"discard", 2, discard}, {"flush", 0, flush},    {"random", 3, run_random},
	{"status", 0, status},   {"kill", 0, end},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run(struct disk *d, int argc, char **argv)
{
	for (int i = 0; i < argc;) {
		const struct command *c = find(argv[i]);

		if (!c || argc - i - 1 < c->arguments)
			return err_set("%s is not a command, or lacks something", argv[i]);
		if (c->run(d, argv + i + 1))
			return -1;
		i += 1 + c->arguments;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct loop *loop = loop_create("disk_io");
	struct arguments a;
	struct disk *d;
	int r;

	if (argc < 2 || !loop || arguments_parse(&a, argv[1], table) || disk_check(&a)) {
		err_print("disk_io");
		return EXIT_USAGE;
	}
	d = disk_open(&a, loop);
	r = d ? run(d, argc - 2, argv + 2) : -1;
	if (r)
		err_print("disk_io");
	disk_close(d);
	arguments_free(&a);
	loop_destroy(loop);
	return r || fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}
