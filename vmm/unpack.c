/*
 * Unpack a kernel's payload at native speed, with the libraries made for it. The size is
 * not trusted: output grows as it comes, up to KERNEL_BYTES_MAX.
 *
 * The kernel's build appends the unpacked size (four bytes) to most formats, so
 * bytes after the end of the stream are no error.
 */
#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/err.h"
#include "vmm/kernel.h"

struct output {
	uint8_t *bytes;
	size_t used, room;
};

/* Room for at least one more byte. */
static int grow(struct output *o)
{
	size_t room = o->room ? 2 * o->room : 32 << 20;
	uint8_t *bytes;

	if (o->used < o->room)
		return 0;
	if (room > KERNEL_BYTES_MAX)
		return err_set("it unpacks to more than %llu MiB, which is no kernel",
			       (unsigned long long)(KERNEL_BYTES_MAX >> 20));
	bytes = realloc(o->bytes, room);
	if (!bytes)
		return err_errno("no memory to unpack the kernel");
	o->bytes = bytes;
	o->room = room;
	return 0;
}

static int damaged(const char *format)
{
	return err_set("its payload (%s) is truncated or damaged", format);
}

static int unpack_gzip(const uint8_t *in, size_t length, struct output *o)
{
	z_stream z = {.next_in = (Bytef *)in, .avail_in = (uInt)length};
	int ret = Z_OK;

	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return err_set("zlib does not start");
	while (ret == Z_OK && grow(o) == 0) {
		z.next_out = o->bytes + o->used;
		z.avail_out = (uInt)(o->room - o->used);
		ret = inflate(&z, Z_NO_FLUSH);
		o->used = o->room - z.avail_out;
	}
	inflateEnd(&z);
	if (ret == Z_STREAM_END)
		return 0;
	return ret == Z_OK ? -1 : damaged("gzip");
}

/* xz, and the older lzma format, which liblzma tells apart by itself. */
static int unpack_xz(const uint8_t *in, size_t length, struct output *o)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret ret = lzma_auto_decoder(&z, UINT64_MAX, 0);

	z.next_in = in;
	z.avail_in = length;
	while (ret == LZMA_OK && grow(o) == 0) {
		z.next_out = o->bytes + o->used;
		z.avail_out = o->room - o->used;
		ret = lzma_code(&z, LZMA_RUN);
		o->used = o->room - z.avail_out;
	}
	lzma_end(&z);
	if (ret == LZMA_STREAM_END)
		return 0;
	return ret == LZMA_OK ? -1 : damaged("xz");
}

static int unpack_zstd(const uint8_t *in, size_t length, struct output *o)
{
	ZSTD_inBuffer from = {.src = in, .size = length};
	ZSTD_DStream *z = ZSTD_createDStream();
	bool starved = false;
	size_t ret = 1;

	if (!z)
		return err_set("libzstd does not start");
	/* The kernel is packed with zstd -22 --ultra: a window of 128 MiB. */
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27);
	while (ret && !starved && !ZSTD_isError(ret) && grow(o) == 0) {
		ZSTD_outBuffer to = {.dst = o->bytes, .size = o->room, .pos = o->used};

		ret = ZSTD_decompressStream(z, &to, &from);
		starved = to.pos == o->used && from.pos == from.size;
		o->used = to.pos;
	}
	ZSTD_freeDStream(z);
	if (ret == 0)
		return 0;
	return starved || ZSTD_isError(ret) ? damaged("zstd") : -1;
}

/* The frame of "lz4 -l": a magic, then blocks of 8 MiB unpacked, each after its packed length.
 */
static int unpack_lz4(const uint8_t *in, size_t length, struct output *o)
{
	enum { BLOCK = 8 << 20 };
	uint8_t *block = malloc(BLOCK);
	size_t at = 4;

	while (block && length - at > 4) {
		uint32_t packed = in[at] | in[at + 1] << 8 | in[at + 2] << 16 |
				  (uint32_t)in[at + 3] << 24;
		int n = -1;

		at += 4;
		if (packed > 0 && packed <= length - at)
			n = LZ4_decompress_safe((const char *)in + at, (char *)block,
						(int)packed, BLOCK);
		if (n < 0) {
			free(block);
			return damaged("lz4");
		}
		for (int done = 0; done < n;) {
			size_t part;

			if (grow(o)) {
				free(block);
				return -1;
			}
			part = o->room - o->used < (size_t)(n - done) ? o->room - o->used
								      : (size_t)(n - done);
			memcpy(o->bytes + o->used, block + done, part);
			o->used += part;
			done += (int)part;
		}
		at += packed;
	}
	free(block);
	return block ? 0 : err_errno("no memory to unpack the kernel");
}

static const struct format {
	const char *name;
	uint8_t magic[6];
	unsigned int magic_bytes;
	int (*unpack)(const uint8_t *in, size_t length,
		      struct output *o); /* NULL: not supported */
} formats[] = {
	{"gzip", {0x1f, 0x8b}, 2, unpack_gzip},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, unpack_xz},
	{"lzma", {0x5d, 0, 0}, 3, unpack_xz},
	{"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd},
	{"bzip2", {'B', 'Z', 'h'}, 3, NULL},
	{"lzo", {0x89, 'L', 'Z', 'O'}, 4, NULL},
};

static const struct format *recognise(const uint8_t *in, size_t length)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (length > formats[i].magic_bytes &&
		    !memcmp(in, formats[i].magic, formats[i].magic_bytes))
			return &formats[i];
	return NULL;
}

uint8_t *unpack(const uint8_t *packed, size_t length, size_t *unpacked)
{
	const struct format *f = recognise(packed, length);
	struct output o = {0};

	if (!f || length > UINT32_MAX) {
		err_set("its payload is not packed with gzip, xz, lzma, lz4 or zstd");
		return NULL;
	}
	if (!f->unpack) {
		err_set("its payload is packed with %s; gzip, xz, lzma, lz4 and zstd are known",
			f->name);
		return NULL;
	}
	if (f->unpack(packed, length, &o)) {
		free(o.bytes);
		return NULL;
	}
	*unpacked = o.used;
	return o.bytes;
}
