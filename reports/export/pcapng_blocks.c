/* Blocks of a pcapng file: see pcapng_blocks.h. */
#include "reports/export/pcapng_blocks.h"

#include <endian.h>
#include <string.h>

/* The end of options and the block's length. */
#define TAIL_BYTES 8

static size_t room(const struct pcapng_block *b)
{
	return sizeof(b->bytes) - TAIL_BYTES - b->n;
}

static void raw(struct pcapng_block *b, const void *bytes, size_t n)
{
	if (n > room(b))
		return;
	memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
}

void pcapng_u16(struct pcapng_block *b, uint16_t v)
{
	v = htole16(v);
	raw(b, &v, sizeof(v));
}

void pcapng_u32(struct pcapng_block *b, uint32_t v)
{
	v = htole32(v);
	raw(b, &v, sizeof(v));
}

void pcapng_u64(struct pcapng_block *b, uint64_t v)
{
	v = htole64(v);
	raw(b, &v, sizeof(v));
}

void pcapng_begin(struct pcapng_block *b, enum pcapng_type type)
{
	b->n = 0;
	pcapng_u32(b, type);
	pcapng_u32(b, 0); /* its length, when that is known */
}

void pcapng_bytes(struct pcapng_block *b, const void *bytes, size_t n)
{
	static const uint8_t zero[4];

	raw(b, bytes, n);
	raw(b, zero, -n & 3);
}

void pcapng_option(struct pcapng_block *b, enum pcapng_option code, const void *bytes, size_t n)
{
	if (n > UINT16_MAX || n + 8 > room(b))
		return;
	pcapng_u16(b, (uint16_t)code);
	pcapng_u16(b, (uint16_t)n);
	pcapng_bytes(b, bytes, n);
}

void pcapng_text(struct pcapng_block *b, enum pcapng_option code, const char *text)
{
	size_t n = strlen(text);

	if (room(b) < 8)
		return;
	if (n > room(b) - 8)
		n = room(b) - 8;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--; /* not within a character of UTF-8 */
	pcapng_option(b, code, text, n);
}

void pcapng_write(struct pcapng_block *b, FILE *f)
{
	uint32_t length = htole32((uint32_t)b->n + TAIL_BYTES);

	memset(b->bytes + b->n, 0, 4); /* opt_endofopt */
	memcpy(b->bytes + b->n + 4, &length, 4);
	memcpy(b->bytes + 4, &length, 4);
	fwrite(b->bytes, 1, b->n + TAIL_BYTES, f);
}
