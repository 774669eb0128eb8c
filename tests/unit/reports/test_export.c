/* Exports: numbers and texts, packets, blocks, and what each format makes of what it must not
 * believe. That other programs read them is for the system tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "reports/export/export.h"
#include "reports/export/frame.h"
#include "reports/export/ids.h"
#include "reports/export/pcapng_blocks.h"
#include "reports/export/text.h"
#include "tracer/synthetic.h"

static char path[64];

/* ---- numbers and texts ---- */

static void numbers(void **state)
{
	(void)state;
	assert_string_equal(text_fraction(1234567, 3).s, "1234.567");
	assert_string_equal(text_fraction(7, 9).s, "0.000000007");
	assert_string_equal(text_fraction(0, 3).s, "0.000");
	assert_string_equal(text_fraction(UINT64_MAX, 9).s, "18446744073.709551615");
	assert_string_equal(text_time(0).s, "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(text_time(1795264148121669458u).s,
			    "2026-11-21T12:29:08.121669458Z");
	assert_string_equal(text_time(UINT64_MAX).s, "2554-07-21T23:34:33.709551615Z");
}

static void expect_text(void (*put)(FILE *f, const char *text), const char *text,
			const char *expected)
{
	char *written = NULL;
	size_t n;
	FILE *f = open_memstream(&written, &n);

	assert_non_null(f);
	put(f, text);
	fclose(f);
	assert_string_equal(written, expected);
	free(written);
}

static void csv_fields(void **state)
{
	(void)state;
	expect_text(text_csv, "/index.html", "/index.html");
	expect_text(text_csv, "", "");
	expect_text(text_csv, "/a,b", "\"/a,b\"");
	expect_text(text_csv, "/a\"b", "\"/a\"\"b\"");
	expect_text(text_csv, "a\r\nb", "\"a\r\nb\"");
	expect_text(text_csv, "=1+1", "\"'=1+1\"");
	expect_text(text_csv, "@a\"", "\"'@a\"\"\"");
}

static void json_strings(void **state)
{
	(void)state;
	expect_text(text_json, "/a\"b\\c", "\"/a\\\"b\\\\c\"");
	expect_text(text_json, "µs", "\"µs\"");
	expect_text(text_json, "\xc2", "\"?\"");
}

/* ---- packets ---- */

static const uint8_t v4_client[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1};
static const uint8_t v4_server[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 2};

static unsigned int at16(const uint8_t *b)
{
	return (unsigned int)b[0] << 8 | b[1];
}

static void packet_v4(void **state)
{
	struct frame f = {v4_client, v4_server, 40000, 80, false, 0x01020304, 100};
	uint8_t h[FRAME_HEADERS_MAX];
	uint32_t sum = 0;

	(void)state;
	assert_int_equal(frame_headers(&f, h), 40);
	assert_int_equal(h[0], 0x45);
	assert_int_equal(at16(h + 2), 140);
	assert_int_equal(h[9], 6);
	assert_memory_equal(h + 12, v4_client + 12, 4);
	assert_memory_equal(h + 16, v4_server + 12, 4);
	for (int i = 0; i < 20; i += 2)
		sum += at16(h + i);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	assert_int_equal(at16(h + 20), 40000);
	assert_int_equal(at16(h + 22), 80);
	assert_memory_equal(h + 24, "\1\2\3\4", 4);
	assert_int_equal(h[32], 0x50);
	f.len = 70000; /* merged: no length fits */
	frame_headers(&f, h);
	assert_int_equal(at16(h + 2), 0);
}

static void packet_v6(void **state)
{
	uint8_t client[16] = {0xfd, [15] = 1}, server[16] = {0xfd, [15] = 2};
	struct frame f = {client, server, 40000, 80, true, 1, 100};
	uint8_t h[FRAME_HEADERS_MAX];

	(void)state;
	assert_int_equal(frame_headers(&f, h), 60);
	assert_int_equal(h[0], 0x60);
	assert_int_equal(at16(h + 4), 120);
	assert_int_equal(h[6], 6);
	assert_memory_equal(h + 8, client, 16);
	assert_memory_equal(h + 24, server, 16);
	assert_int_equal(at16(h + 42), 80);
}

/* ---- blocks ---- */

static size_t block(struct pcapng_block *b, uint8_t *to, size_t size)
{
	FILE *f = fmemopen(to, size, "w");
	size_t n;

	assert_non_null(f);
	pcapng_write(b, f);
	n = (size_t)ftell(f);
	fclose(f);
	return n;
}

static void blocks(void **state)
{
	static const uint8_t expected[] = {5, 0, 0,   0,   28,  0, 0, 0, 7, 0, 0,  0, 1, 0,
					   3, 0, 'a', 'b', 'c', 0, 0, 0, 0, 0, 28, 0, 0, 0};
	struct pcapng_block b;
	uint8_t bytes[64];

	(void)state;
	pcapng_begin(&b, PCAPNG_STATISTICS);
	pcapng_u32(&b, 7);
	pcapng_text(&b, PCAPNG_COMMENT, "abc");
	assert_int_equal(block(&b, bytes, sizeof(bytes)), sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
}

static void block_too_small(void **state)
{
	static char text[2 * PCAPNG_BLOCK_MAX];
	static uint8_t bytes[PCAPNG_BLOCK_MAX + 1];
	struct pcapng_block b;
	uint32_t length;
	size_t n;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "µ", 2);
	pcapng_begin(&b, PCAPNG_PACKET);
	pcapng_text(&b, PCAPNG_COMMENT, text);
	pcapng_text(&b, PCAPNG_COMMENT, text);
	pcapng_u64(&b, 1);
	n = block(&b, bytes, sizeof(bytes));
	assert_in_range(n, PCAPNG_BLOCK_MAX - 16, PCAPNG_BLOCK_MAX);
	assert_int_equal(n % 4, 0);
	memcpy(&length, bytes + n - 4, 4);
	assert_int_equal(length, n);
	assert_int_equal((bytes[10] | bytes[11] << 8) % 2, 0); /* whole characters */
}

/* ---- formats ---- */

static size_t export_all(const struct export_format *format, char **text)
{
	size_t n = 0;
	FILE *f = open_memstream(text, &n);
	struct export e;
	struct analyse_options o = {.requests_max = 1,
				    .on_request = export_on_request,
				    .on_wire = export_on_wire,
				    .ctx = &e};
	struct model *m;

	assert_non_null(f);
	assert_int_equal(export_open(&e, format, f), 0);
	assert_int_equal(analyse(path, &o, &m), 0);
	assert_int_equal(export_finish(&e, m), 0);
	model_free(m);
	export_close(&e);
	fclose(f);
	return n;
}

static void every_format_writes(void **state)
{
	struct synthetic_options o = {.seed = 1,
				      .place = PLACE_VIRTIO,
				      .requests = 40,
				      .connections = 4,
				      .reply_bytes = 40000,
				      .merge = true,
				      .lose_permille = 20};

	(void)state;
	assert_int_equal(synthetic_create(path, &o, NULL, NULL), 0);
	for (size_t i = 0; export_formats[i]; i++) {
		char *text = NULL;

		assert_ptr_equal(export_format_by_name(export_formats[i]->name),
				 export_formats[i]);
		assert_true(export_all(export_formats[i], &text) > 500);
		free(text);
	}
	assert_null(export_format_by_name("pcap"));
}

/* ---- names in a distributed trace ---- */

static void ids(void **state)
{
	struct request r = {.http = {.flow = 1, .request_seq = 2, .request_first_ns = 3}};
	struct request other = r, traced = r;
	struct model m = {.meta = json_object()};
	struct export e = {.m = &m};
	struct trace_ids a, b;

	(void)state;
	other.http.request_seq = 4;
	trace_ids_of(&e, &r, &a);
	trace_ids_of(&e, &r, &b);
	assert_string_equal(a.trace_id, b.trace_id); /* the same in every export */
	assert_string_equal(span_id(&a, 1).s, span_id(&b, 1).s);
	assert_string_not_equal(span_id(&a, 0).s, span_id(&a, 1).s);
	assert_string_not_equal(span_id(&a, 1).s, span_id(&a, 2).s);
	assert_int_equal(strlen(a.trace_id), 32);
	assert_int_equal(strlen(span_id(&a, 1).s), 16);
	assert_string_equal(a.parent_id, "");
	trace_ids_of(&e, &other, &b);
	assert_string_not_equal(a.trace_id, b.trace_id);
	assert_string_not_equal(span_id(&a, 0).s, span_id(&b, 0).s);
	assert_true(traceparent_parse(
		&traced.http.trace, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
	trace_ids_of(&e, &traced, &b);
	assert_string_equal(b.trace_id, "0af7651916cd43dd8448eb211c80319c");
	assert_string_equal(b.parent_id, "b7ad6b7169203331");
	assert_string_equal(span_id(&a, 0).s, span_id(&b, 0).s);
	assert_int_equal(b.flags, 0);
	json_decref(m.meta);
}

static void a_full_disk(void **state)
{
	struct synthetic_options o = {.seed = 1, .place = PLACE_BARE, .requests = 2000};

	(void)state;
	assert_int_equal(synthetic_create(path, &o, NULL, NULL), 0);
	for (size_t i = 0; export_formats[i]; i++) {
		FILE *f = fopen("/dev/full", "w");
		struct export e;
		struct analyse_options ao = {
			.on_request = export_on_request, .on_wire = export_on_wire, .ctx = &e};
		struct model *m = NULL;

		assert_non_null(f);
		assert_int_equal(export_open(&e, export_formats[i], f), 0);
		if (!analyse(path, &ao, &m))
			assert_int_equal(export_finish(&e, m), -1);
		assert_non_null(strstr(err_text(), "No space left"));
		model_free(m);
		export_close(&e);
		fclose(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),         cmocka_unit_test(csv_fields),
		cmocka_unit_test(json_strings),    cmocka_unit_test(packet_v4),
		cmocka_unit_test(packet_v6),       cmocka_unit_test(blocks),
		cmocka_unit_test(block_too_small), cmocka_unit_test(every_format_writes),
		cmocka_unit_test(a_full_disk),     cmocka_unit_test(ids),
	};
	int result;

	snprintf(path, sizeof(path), "/tmp/strata-export-%d", getpid());
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return result;
}
