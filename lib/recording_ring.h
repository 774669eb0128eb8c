/*
 * Which blocks of a recording stay, where its room on disk is bounded (a flight recorder). The
 * file only grows; what is not to stay becomes a hole in it, behind a header that says how many
 * blocks were there: BLOCK_GONE. A process that is killed at any moment leaves one or the
 * other.
 *
 * The oldest block that nobody wants goes first; if all are wanted, the oldest. META stays.
 * Memory: about 3 % of the limit. Private to the writer (lib/recording.c), and as threaded.
 */
#ifndef STRATA_LIB_RECORDING_RING_H
#define STRATA_LIB_RECORDING_RING_H

#include <stdint.h>

#include "lib/recording.h"
#include "lib/recording_format.h"

struct recording_ring;

/* fd and path are borrowed. NULL with a sentence: the file system makes no holes, or memory is
 * short. */
struct recording_ring *recording_ring_create(int fd, const char *path, uint64_t limit);
void recording_ring_destroy(struct recording_ring *r);

struct recording_block {
	uint64_t at, sequence;
	uint32_t bytes; /* with its header */
	uint16_t kind;
	uint64_t from_ns, to_ns;    /* CLOCK_MONOTONIC: gathered and written then */
	uint64_t lost[LOST_STAGES]; /* what it tells, if it is a LOST block */
};

/* A block was written; makes room. What discarded blocks told of losses is added to lost, to be
 * told again. -1 with a sentence. */
int recording_ring_add(struct recording_ring *r, const struct recording_block *b,
		       uint64_t lost[LOST_STAGES]);

/* What is gathered or written between those times is wanted: blocks there are and such as
 * follow. */
void recording_ring_keep(struct recording_ring *r, uint64_t from_ns, uint64_t to_ns);

#endif
