/*
 * What a recording looks like on disk; shared by its writer and its reader and nobody else.
 * The tests break it byte by byte.
 */
#ifndef STRATA_LIB_RECORDING_FORMAT_H
#define STRATA_LIB_RECORDING_FORMAT_H

#include <stdint.h>

#include "lib/clock.h"
#include "lib/event.h"

#define RECORDING_MAGIC   "strata\r\n" /* text-mode copies change it: better seen at once */
#define RECORDING_VERSION 3
#define RECORDING_OLDEST  1 /* without packed events and BLOCK_GONE; read all the same */
#define BLOCK_MAGIC       0x6b6c4253u /* "SBlk" */
#define BLOCK_RAW_MAX     (4u << 20)

struct recording_header {
	char magic[8];
	uint32_t version;
	uint32_t reserved;
};

enum block_kind {
	BLOCK_META = 1,
	BLOCK_EVENTS,
	BLOCK_WIRE,
	BLOCK_CLOCK,
	BLOCK_LOST,
	BLOCK_END,
	BLOCK_GONE, /* a hole: raw blocks were there, numbered from sequence on */
	BLOCK_KINDS
};

enum block_flags {
	BLOCK_ZSTD = 1 << 0,
	BLOCK_PACKED_2 = 1 << 1, /* of EVENTS, as version 2 packed them */
	BLOCK_PACKED = 1 << 2,   /* of EVENTS: lib/event_pack.h, then compressed */
};

struct block_header {
	uint32_t magic;
	uint16_t kind;
	uint16_t flags;
	uint32_t stored; /* bytes that follow */
	uint32_t raw;    /* bytes they become, decompressed and unpacked */
	uint64_t sequence;
	uint32_t crc; /* CRC-32 of this header with crc 0, then of the stored bytes; of a
		       * hole, the header's alone */
	uint32_t reserved;
};

struct block_clock {
	uint64_t domain;
	struct clock_sample sample;
};

struct block_lost {
	uint64_t stage;
	uint64_t count;
};

/* A wire record on disk: all up to the payload, then captured bytes of it. */
#define WIRE_HEAD offsetof(struct strata_wire, payload)

uint32_t block_crc(const struct block_header *h, const void *stored);

_Static_assert(sizeof(struct recording_header) == 16, "on disk");
_Static_assert(sizeof(struct block_header) == 32, "on disk");
_Static_assert(sizeof(struct block_clock) == 32, "on disk");

#endif
