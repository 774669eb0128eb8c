/* Kernel images, whole, packed in every known way, and cut off at every byte. */
#include "tests/unit/vmm/cmocka.h"

#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/err.h"
#include "tests/unit/vmm/kernel_image.h"
#include "vmm/boot.h"
#include "vmm/kernel.h"

#define MIB (1ULL << 20)

static const uint8_t code[100] = {0xb8, 0x34, 0x12, 0, 0, 0xf4};

static struct guest_memory memory;

static int set_up(void **state)
{
	(void)state;
	return guest_memory_create(&memory, 4 * MIB, false);
}

static int tear_down(void **state)
{
	(void)state;
	guest_memory_destroy(&memory);
	return 0;
}

static void check_loaded(const struct kernel *k)
{
	assert_int_equal(k->entry, IMAGE_LOAD);
	assert_int_equal(k->end, IMAGE_LOAD + sizeof(code) + 64);
	assert_memory_equal(guest_ptr(&memory, IMAGE_LOAD, sizeof(code)), code, sizeof(code));
}

static void elf_is_loaded(void **state)
{
	struct kernel k;
	size_t size;
	uint8_t *image = image_elf(code, sizeof(code), &size);

	(void)state;
	assert_int_equal(kernel_load(image, size, &memory, &k), 0);
	check_loaded(&k);
	/* What the file does not fill is as zero as the memory was. */
	assert_int_equal(*(uint8_t *)guest_ptr(&memory, k.end - 1, 1), 0);
	free(image);
}

static void a_truncated_elf_is_refused(void **state)
{
	struct kernel k;
	size_t size;
	uint8_t *image = image_elf(code, sizeof(code), &size);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, image, cut);
		assert_int_equal(kernel_load(part, cut, &memory, &k), -1);
		if (cut >= 4)
			assert_non_null(strstr(err_text(), "truncated"));
		free(part);
	}
	free(image);
}

/* Change one 8-byte field of the image; it must be refused with those words. */
static void refused_with(size_t offset, uint64_t value, const char *words)
{
	struct kernel k;
	size_t size;
	uint8_t *image = image_elf(code, sizeof(code), &size);

	memcpy(image + offset, &value, sizeof(value));
	assert_int_equal(kernel_load(image, size, &memory, &k), -1);
	if (!strstr(err_text(), words))
		fail_msg("\"%s\" does not say \"%s\"", err_text(), words);
	free(image);
}

static void a_wrong_elf_is_refused(void **state)
{
	enum {
		OFFSET = IMAGE_SEGMENT + 8,
		PADDR = IMAGE_SEGMENT + 24,
		FILESZ = PADDR + 8,
		MEMSZ = FILESZ + 8
	};

	(void)state;
	refused_with(OFFSET, UINT64_MAX, "truncated");
	refused_with(OFFSET, UINT64_MAX - 50, "truncated");
	refused_with(PADDR, 0x1000, "below 1 MiB");
	refused_with(PADDR, 4 * MIB, "--memory");
	refused_with(PADDR, UINT64_MAX - 10, "--memory");
	refused_with(MEMSZ, UINT64_MAX, "--memory");
	refused_with(MEMSZ, 5, "damaged");
	refused_with(FILESZ, UINT64_MAX, "truncated");
	refused_with(32, UINT64_MAX - 20, "truncated");       /* e_phoff */
	refused_with(IMAGE_NOTE + 8, 19, "no PVH entry");     /* n_type */
	refused_with(IMAGE_NOTE, UINT64_MAX, "no PVH entry"); /* n_namesz */
	refused_with(IMAGE_NOTE + 16, 0x200000, "its entry"); /* outside what is loaded */
	refused_with(IMAGE_NOTE + 16, 0, "its entry");
	refused_with(16, 0x00000001003e0001, "not an executable");
	refused_with(16, 0x0000000100030002, "not for x86-64");
}

static void garbage_is_refused(void **state)
{
	uint8_t noise[2048];
	struct kernel k;

	(void)state;
	memset(noise, 0x5a, sizeof(noise));
	assert_int_equal(kernel_load(noise, sizeof(noise), &memory, &k), -1);
	assert_non_null(strstr(err_text(), "neither"));
	assert_int_equal(kernel_load(noise, 0, &memory, &k), -1);
}

/* How the kernel's build packs: each returns the length, with room for a size after it. */
static size_t pack_gzip(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	z_stream z = {.next_in = (Bytef *)in,
		      .avail_in = (uInt)n,
		      .next_out = out,
		      .avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack_xz(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	size_t at = 0;

	assert_int_equal(
		lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, in, n, out, &at, room),
		LZMA_OK);
	return at;
}

static size_t pack_lzma(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma o;

	lzma_lzma_preset(&o, 6);
	assert_int_equal(lzma_alone_encoder(&z, &o), LZMA_OK);
	z.next_in = in;
	z.avail_in = n;
	z.next_out = out;
	z.avail_out = room;
	assert_int_equal(lzma_code(&z, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&z);
	return room - z.avail_out;
}

static size_t pack_lz4(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	static const uint8_t magic[4] = {0x02, 0x21, 0x4c, 0x18};
	int packed =
		LZ4_compress_default((const char *)in, (char *)out + 8, (int)n, (int)room - 8);
	uint32_t length = (uint32_t)packed;

	assert_true(packed > 0);
	memcpy(out, magic, 4);
	memcpy(out + 4, &length, 4);
	return 8 + length;
}

static size_t pack_zstd(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	size_t packed = ZSTD_compress(out, room, in, n, 19);

	assert_false(ZSTD_isError(packed));
	return packed;
}

static size_t pack_not(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	assert_true(n <= room);
	memcpy(out, in, n);
	return n;
}

static void bzimages_are_unpacked(void **state)
{
	size_t (*const pack[])(const uint8_t *, size_t, uint8_t *, size_t) = {
		pack_gzip, pack_xz, pack_lzma, pack_lz4, pack_zstd, pack_not};
	size_t elf_size, size;
	uint8_t *elf = image_elf(code, sizeof(code), &elf_size);

	(void)state;
	for (size_t i = 0; i < sizeof(pack) / sizeof(pack[0]); i++) {
		uint8_t packed[8192] = {0};
		size_t n = pack[i](elf, elf_size, packed, sizeof(packed) - 4);
		uint32_t appended = (uint32_t)elf_size;
		struct kernel k;
		uint8_t *image;

		memcpy(packed + n, &appended, 4);
		image = image_bzimage(packed, n + 4, &size);
		if (kernel_load(image, size, &memory, &k))
			fail_msg("format %zu: %s", i, err_text());
		check_loaded(&k);
		/* Cut off, in the header or in what it promises. */
		assert_int_equal(kernel_load(image, size - 1, &memory, &k), -1);
		assert_non_null(strstr(err_text(), "truncated"));
		free(image);
		/* Cut off when it was packed: the payload's end is missing. */
		image = image_bzimage(packed, n - n / 4, &size);
		assert_int_equal(kernel_load(image, size, &memory, &k), -1);
		free(image);
	}
	free(elf);
}

static void bombs_and_strangers_are_refused(void **state)
{
	static const uint8_t bzip2[16] = "BZh91AY", other[16] = "no such format";
	struct kernel k;
	size_t size;
	uint8_t *image = image_bzimage(bzip2, sizeof(bzip2), &size);

	(void)state;
	assert_int_equal(kernel_load(image, size, &memory, &k), -1);
	assert_non_null(strstr(err_text(), "bzip2"));
	image[0x206] = 7;
	assert_int_equal(kernel_load(image, size, &memory, &k), -1);
	assert_non_null(strstr(err_text(), "2.07"));
	free(image);
	image = image_bzimage(other, sizeof(other), &size);
	assert_int_equal(kernel_load(image, size, &memory, &k), -1);
	assert_non_null(strstr(err_text(), "not packed with"));
	free(image);
}

static void files_have_their_own_errors(void **state)
{
	struct kernel k;
	char *empty = image_file(NULL, 0);

	(void)state;
	assert_int_equal(kernel_load_file("/nonexistent/vmlinux", &memory, &k), -1);
	assert_non_null(strstr(err_text(),
			       "kernel /nonexistent/vmlinux: cannot open it: No such file"));
	assert_int_equal(kernel_load_file("/dev", &memory, &k), -1);
	assert_non_null(strstr(err_text(), "regular"));
	assert_int_equal(kernel_load_file(empty, &memory, &k), -1);
	assert_non_null(strstr(err_text(), "empty"));
	unlink(empty);
	free(empty);
}

static void the_start_info_is_complete(void **state)
{
	static const uint8_t content[5000] = "initrd";
	const struct kernel k = {.entry = IMAGE_LOAD, .end = 2 * MIB};
	char *initrd = image_file(content, sizeof(content));
	const uint32_t *info = guest_ptr(&memory, BOOT_START_INFO, 56);
	const uint64_t *wide = (const uint64_t *)info;
	const uint64_t *module, *map;

	(void)state;
	assert_int_equal(boot_prepare(&memory, &k, initrd, "one two"), 0);
	assert_int_equal(info[0], 0x336ec578);
	assert_int_equal(info[1], 1);
	assert_int_equal(info[3], 1);
	module = guest_ptr(&memory, wide[2], 32);
	assert_int_equal(module[0], (4 * MIB - sizeof(content)) & ~4095ULL);
	assert_int_equal(module[1], sizeof(content));
	assert_memory_equal(guest_ptr(&memory, module[0], module[1]), content, sizeof(content));
	assert_string_equal(guest_ptr(&memory, wide[3], 200), BOOT_CMDLINE_DEFAULT " one two");
	assert_int_equal(wide[4], BOOT_ACPI);
	assert_int_equal(info[12], 3);
	map = guest_ptr(&memory, wide[5], 72);
	assert_int_equal(map[6], MIB);
	assert_int_equal(map[6] + map[7], 4 * MIB);
	unlink(initrd);
	free(initrd);
}

static void what_does_not_fit_is_refused(void **state)
{
	const struct kernel large = {.entry = IMAGE_LOAD, .end = 4 * MIB - 4096};
	static const uint8_t content[5000] = "initrd";
	char *initrd = image_file(content, sizeof(content));
	char long_line[3000];

	(void)state;
	assert_int_equal(boot_prepare(&memory, &large, initrd, NULL), -1);
	assert_non_null(strstr(err_text(), "--memory"));
	assert_int_equal(boot_prepare(&memory, &large, "/nonexistent", NULL), -1);
	assert_non_null(strstr(err_text(), "initrd /nonexistent: cannot open it"));
	memset(long_line, 'x', sizeof(long_line));
	long_line[sizeof(long_line) - 1] = '\0';
	assert_int_equal(boot_prepare(&memory, &large, NULL, long_line), -1);
	assert_non_null(strstr(err_text(), "2047"));
	unlink(initrd);
	free(initrd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_is_loaded),
		cmocka_unit_test(a_truncated_elf_is_refused),
		cmocka_unit_test(a_wrong_elf_is_refused),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(bzimages_are_unpacked),
		cmocka_unit_test(bombs_and_strangers_are_refused),
		cmocka_unit_test(files_have_their_own_errors),
		cmocka_unit_test(the_start_info_is_complete),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
