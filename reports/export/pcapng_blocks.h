/*
 * Blocks of a pcapng file: built in memory, then written whole. Little-endian, as the section
 * header tells. Format: IETF draft-ietf-opsawg-pcapng, sections 3 and 4.
 */
#ifndef STRATA_REPORTS_EXPORT_PCAPNG_BLOCKS_H
#define STRATA_REPORTS_EXPORT_PCAPNG_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_BLOCK_MAX 4096

enum pcapng_type {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,
};

/* Option codes; some mean different things in different blocks. */
enum pcapng_option {
	PCAPNG_COMMENT = 1,
	PCAPNG_SECTION_HARDWARE = 2,
	PCAPNG_SECTION_OS = 3,
	PCAPNG_SECTION_PROGRAM = 4,
	PCAPNG_INTERFACE_NAME = 2,
	PCAPNG_INTERFACE_DESCRIPTION = 3,
	PCAPNG_INTERFACE_RESOLUTION = 9,
	PCAPNG_PACKET_FLAGS = 2,
	PCAPNG_STATISTICS_RECEIVED = 4,
};

/* What does not fit is left out, a text's end first. */
struct pcapng_block {
	uint8_t bytes[PCAPNG_BLOCK_MAX];
	size_t n;
};

void pcapng_begin(struct pcapng_block *b, enum pcapng_type type);
void pcapng_u16(struct pcapng_block *b, uint16_t v);
void pcapng_u32(struct pcapng_block *b, uint32_t v);
void pcapng_u64(struct pcapng_block *b, uint64_t v);

/* Padded to 32 bits. */
void pcapng_bytes(struct pcapng_block *b, const void *bytes, size_t n);
void pcapng_option(struct pcapng_block *b, enum pcapng_option code, const void *bytes,
		   size_t n);
void pcapng_text(struct pcapng_block *b, enum pcapng_option code, const char *text);

/* Ends the options, if there are any, and the block. */
void pcapng_write(struct pcapng_block *b, FILE *f);

#endif
