/*
 * Recordings: what is written is read again; and whatever happens to the file (cut at every
 * byte, each byte changed, bytes lost in the middle), reading ends, and what it hands out
 * is what was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/recording.h"

#define EVENTS 40
#define WIRES  5

static char path[64];

struct seen {
	unsigned int metas, events, wires, clocks;
	uint64_t lost[LOST_STAGES];
	bool strange; /* something that was never written */
	int stop_after;
};

static struct strata_event event_number(uint32_t i)
{
	struct strata_event e = {.time_ns = 1000 + i, .flow = i * 7919ull, .seq = i, .len = 3};

	return e;
}

static int see_meta(void *ctx, json_t *meta)
{
	struct seen *s = ctx;

	s->metas++;
	s->strange |= strcmp(json_string_value(json_object_get(meta, "place")), "vm") != 0;
	return 0;
}

static int see_events(void *ctx, const struct strata_event *e, size_t count)
{
	struct seen *s = ctx;

	for (size_t i = 0; i < count; i++) {
		struct strata_event want = event_number(e[i].seq);

		s->strange |= memcmp(&want, &e[i], sizeof(want)) != 0;
		s->events++;
	}
	return s->stop_after && s->events >= (unsigned int)s->stop_after ? 17 : 0;
}

static int see_wire(void *ctx, const struct strata_wire *w)
{
	struct seen *s = ctx;

	for (unsigned int i = 0; i < WIRE_PAYLOAD_MAX; i++)
		s->strange |=
			w->payload[i] != (i < w->captured ? (uint8_t)(w->event.seq + i) : 0);
	s->wires++;
	return 0;
}

static int see_clock(void *ctx, unsigned int domain, const struct clock_sample *c)
{
	struct seen *s = ctx;

	s->strange |= domain != 3 || c->tsc != 11 || c->time_ns != 22 || c->bracket != 33;
	s->clocks++;
	return 0;
}

static int see_lost(void *ctx, enum lost_stage stage, uint64_t count)
{
	struct seen *s = ctx;

	s->lost[stage] += count;
	return 0;
}

static int read_back(struct seen *s, struct recording_end *end)
{
	struct recording_visitor v = {see_meta, see_events, see_wire, see_clock, see_lost, s};

	return recording_read(path, &v, end);
}

/* Several blocks of each kind. */
static void write_all(void)
{
	struct recording_writer *w = recording_create(path);
	json_t *meta = json_pack("{s:s}", "place", "vm");
	struct clock_sample c = {11, 22, 33};

	assert_non_null(w);
	assert_int_equal(recording_meta(w, meta), 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct strata_event e = event_number(i);

		assert_int_equal(recording_event(w, &e), 0);
		if (i % 10 == 9)
			assert_int_equal(recording_flush(w), 0);
	}
	for (uint32_t i = 0; i < WIRES; i++) {
		struct strata_wire wire = {.event.seq = i, .captured = (uint16_t)(i * 128)};

		for (unsigned int n = 0; n < wire.captured; n++)
			wire.payload[n] = (uint8_t)(i + n);
		assert_int_equal(recording_wire(w, &wire), 0);
	}
	assert_int_equal(recording_clock(w, 3, &c), 0);
	assert_int_equal(recording_lost(w, LOST_VMM, 5), 0);
	assert_int_equal(recording_lost(w, LOST_VMM, 0), 0);
	assert_int_equal(recording_meta(w, meta), 0);
	json_decref(meta);
	assert_int_equal(recording_close(w), 0);
}

static void test_round_trip(void **state)
{
	struct seen s = {0};
	struct recording_end end;

	(void)state;
	write_all();
	assert_int_equal(read_back(&s, &end), 0);
	assert_true(end.complete);
	assert_int_equal(end.damaged, 0);
	assert_int_equal(end.unread_bytes, 0);
	assert_int_equal(end.blocks, 4 + 3 + 2 + 1); /* events; wire, clock, lost; meta; end */
	assert_false(s.strange);
	assert_int_equal(s.metas, 2);
	assert_int_equal(s.events, EVENTS);
	assert_int_equal(s.wires, WIRES);
	assert_int_equal(s.clocks, 1);
	assert_int_equal(s.lost[LOST_VMM], 5);
	/* a visitor that wants nothing, and one that stops */
	assert_int_equal(recording_read(path, &(struct recording_visitor){0}, NULL), 0);
	s = (struct seen){.stop_after = 10};
	assert_int_equal(read_back(&s, &end), 17);
	assert_int_equal(s.events, 10);
}

static void test_many_events(void **state)
{
	struct recording_writer *w = recording_create(path);
	struct seen s = {0};
	struct recording_end end;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		struct strata_event e = event_number(i);

		assert_int_equal(recording_event(w, &e), 0);
	}
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(read_back(&s, &end), 0);
	assert_int_equal(s.events, 100000);
	assert_false(s.strange);
	assert_true(end.blocks > 10);
}

/* As many at once as there happen to be: where a block ends must not matter. */
static void test_runs_of_events(void **state)
{
	struct recording_writer *w = recording_create(path);
	static struct strata_event run[10007]; /* more than a block has */
	struct seen s = {0};
	struct recording_end end;
	uint32_t written = 0;

	(void)state;
	for (size_t n = 1; n < 10007; n = n * 3 + 1) {
		for (size_t i = 0; i < n; i++)
			run[i] = event_number(written++);
		assert_int_equal(recording_events(w, run, n), 0);
	}
	assert_int_equal(recording_events(w, run, 0), 0);
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(read_back(&s, &end), 0);
	assert_int_equal(s.events, written);
	assert_false(s.strange);
	assert_true(written > 8192);
}

static uint8_t *load(size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);

	*bytes = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void store(const uint8_t *data, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
}

static void test_cut_at_every_byte(void **state)
{
	size_t bytes;
	uint8_t *data;
	unsigned int events = 0;

	(void)state;
	write_all();
	data = load(&bytes);
	for (size_t n = 0; n < bytes; n++) {
		struct seen s = {0};
		struct recording_end end;

		store(data, n);
		if (read_back(&s, &end)) {
			assert_true(n < 16); /* the file's header */
			assert_non_null(strstr(err_text(), path));
			continue;
		}
		assert_false(s.strange);
		assert_false(end.complete);
		assert_true(s.events >= events && s.events <= EVENTS);
		events = s.events;
		assert_true(end.damaged == 0);
	}
	free(data);
}

static void test_change_every_byte(void **state)
{
	size_t bytes;
	uint8_t *data;

	(void)state;
	write_all();
	data = load(&bytes);
	for (size_t n = 16; n < bytes; n++) {
		struct seen s = {0};
		struct recording_end end;

		data[n] ^= 0x41;
		store(data, bytes);
		data[n] ^= 0x41;
		assert_int_equal(read_back(&s, &end), 0);
		assert_false(s.strange);
		/* one block is lost, and said to be; or the END was, at the file's end */
		assert_true(end.damaged == 1 || (end.damaged == 0 && end.unread_bytes > 0));
		assert_true(s.events >= EVENTS - 10);
	}
	free(data);
}

static void test_bytes_lost_in_the_middle(void **state)
{
	size_t bytes;
	uint8_t *data;

	(void)state;
	write_all();
	data = load(&bytes);
	for (size_t n = 16; n + 100 < bytes; n += 7) {
		uint8_t *cut = malloc(bytes - 100);
		struct seen s = {0};
		struct recording_end end;

		memcpy(cut, data, n);
		memcpy(cut + n, data + n + 100, bytes - 100 - n);
		store(cut, bytes - 100);
		free(cut);
		assert_int_equal(read_back(&s, &end), 0);
		assert_false(s.strange);
		assert_true(end.damaged || end.unread_bytes);
	}
	free(data);
}

static void test_no_recording(void **state)
{
	struct seen s = {0};
	struct recording_end end;

	(void)state;
	store((const uint8_t *)"hello, this is no recording", 27);
	assert_int_equal(read_back(&s, &end), -1);
	assert_non_null(strstr(err_text(), "not a strata recording"));
	unlink(path);
	assert_int_equal(read_back(&s, &end), -1);
	assert_non_null(strstr(err_text(), strerror(ENOENT)));
	assert_int_equal(recording_read("/", &(struct recording_visitor){0}, NULL), -1);
	assert_null(recording_create("/no/such/folder/file"));
	assert_non_null(strstr(err_text(), "/no/such/folder/file"));
}

static void test_disk_full(void **state)
{
	struct rlimit limit = {.rlim_cur = 3000, .rlim_max = RLIM_INFINITY};
	struct strata_event e = event_number(1);
	struct recording_writer *w;
	struct seen s = {0};
	struct recording_end end;
	unsigned int written = 0;

	(void)state;
	/* here not even the file's header fits */
	assert_null(recording_create("/dev/full"));
	assert_non_null(strstr(err_text(), strerror(ENOSPC)));
	/* here there is room for some blocks: those stay readable */
	signal(SIGXFSZ, SIG_IGN);
	w = recording_create(path);
	assert_non_null(w);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (!recording_event(w, &e) && !recording_flush(w))
		written++;
	assert_non_null(strstr(err_text(), path));
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	/* there is room again: the loss is told, the rest goes on */
	assert_int_equal(recording_event(w, &e), 0);
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(read_back(&s, &end), 0);
	assert_true(end.complete);
	assert_int_equal(end.damaged, 0);
	assert_int_equal(s.events, written + 1);
	assert_int_equal(s.lost[LOST_RECORDING], 1);
}

#define BOUND (1u << 20)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t bytes_on_disk(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static struct {
	bool there[40 * 800];
	unsigned int count;
} found;

static int find_events(void *ctx, const struct strata_event *e, size_t count)
{
	(void)ctx;
	for (size_t i = 0; i < count; i++) {
		found.count += !found.there[e[i].seq];
		found.there[e[i].seq] = true;
	}
	return 0;
}

/* Forty events in a block, which cannot be compressed. */
static void write_group(struct recording_writer *w, uint32_t number, uint64_t *x)
{
	for (uint32_t i = 0; i < 40; i++) {
		struct strata_event e = {.seq = number * 40 + i};

		for (int word = 0; word < 4; word++)
			memcpy((uint8_t *)&e + 24 + 8 * word,
			       &(uint64_t){ *x = *x * 6364136223846793005u +
						 1442695040888963407u},
			       8);
		e.seq = number * 40 + i;
		assert_int_equal(recording_event(w, &e), 0);
	}
	if (number % 10 == 0)
		assert_int_equal(recording_lost(w, LOST_VMM, 1), 0);
	assert_int_equal(recording_flush(w), 0);
}

/* A flight recorder: its size holds all the time, what was wanted stays, and the latest; what
 * was lost is told of although the block that told it is gone. */
static void test_bound(void **state)
{
	struct recording_writer *w = recording_create(path);
	json_t *meta = json_pack("{s:s}", "place", "vm");
	struct recording_visitor v = {
		.meta = see_meta, .events = find_events, .lost = see_lost};
	struct recording_end end;
	struct seen s = {0};
	uint64_t x = 1, wanted_ns = 0;

	(void)state;
	v.ctx = &s;
	memset(&found, 0, sizeof(found));
	assert_int_equal(recording_bound(w, BOUND), 0);
	assert_int_equal(recording_meta(w, meta), 0);
	json_decref(meta);
	for (uint32_t group = 0; group < 800; group++) {
		if (group == 200)
			wanted_ns = now_ns();
		if (group == 210)
			recording_keep(w, wanted_ns, now_ns());
		write_group(w, group, &x);
		if (group % 100 == 0) {
			assert_in_range(bytes_on_disk(), 1, BOUND + 8192);
			assert_int_equal(recording_read(path, &v, &end), 0);
			assert_int_equal(end.damaged, 0);
			s = (struct seen){0};
			memset(&found, 0, sizeof(found));
		}
	}
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(recording_read(path, &v, &end), 0);
	assert_true(end.complete && end.damaged == 0 && end.unread_bytes == 0);
	assert_true(end.discarded > 300);
	assert_int_equal(s.metas, 1);
	assert_int_equal(s.lost[LOST_VMM], 80);
	for (uint32_t i = 200 * 40; i < 210 * 40; i++)
		assert_true(found.there[i]);
	for (uint32_t i = 750 * 40; i < 800 * 40; i++)
		assert_true(found.there[i]);
	assert_in_range(found.count, 100 * 40, 500 * 40);
	assert_false(found.there[100 * 40]);
}

/* All is wanted: the oldest of that goes. */
static void test_bound_when_all_is_wanted(void **state)
{
	struct recording_writer *w = recording_create(path);
	struct recording_visitor v = {.events = find_events};
	struct recording_end end;
	uint64_t x = 1;

	(void)state;
	memset(&found, 0, sizeof(found));
	assert_int_equal(recording_bound(w, BOUND), 0);
	recording_keep(w, 0, UINT64_MAX / 2);
	for (uint32_t group = 0; group < 500; group++)
		write_group(w, group, &x);
	assert_in_range(bytes_on_disk(), 1, BOUND + 8192);
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(recording_read(path, &v, &end), 0);
	assert_true(end.complete && end.damaged == 0);
	assert_true(found.there[499 * 40] && found.there[400 * 40] && !found.there[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_many_events),
		cmocka_unit_test(test_runs_of_events),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_change_every_byte),
		cmocka_unit_test(test_bytes_lost_in_the_middle),
		cmocka_unit_test(test_no_recording),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_bound_when_all_is_wanted),
	};
	int failed, fd;

	snprintf(path, sizeof(path), "%s/strata-test-recording.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
