/*
 * The card's statistics registers, which a read clears. 8254x manual, 13.7.
 *
 * Threading: received() and sent() may run at the same time as each other, read() at the same
 * time as neither.
 */
#ifndef STRATA_VMM_E1000_STATISTICS_H
#define STRATA_VMM_E1000_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_REGISTERS 64

/* Registers by word; of 64-bit counts the lower half's. */
enum statistic {
	STAT_MPC = 0x10 / 4,
	STAT_PRC64 = 0x5c / 4, /* and five more, by size */
	STAT_GPRC = 0x74 / 4,
	STAT_BPRC = 0x78 / 4,
	STAT_MPRC = 0x7c / 4,
	STAT_GPTC = 0x80 / 4,
	STAT_GORC = 0x88 / 4,
	STAT_GOTC = 0x90 / 4,
	STAT_RNBC = 0xa0 / 4,
	STAT_ROC = 0xac / 4,
	STAT_TOR = 0xc0 / 4,
	STAT_TOT = 0xc8 / 4,
	STAT_TPR = 0xd0 / 4,
	STAT_TPT = 0xd4 / 4,
	STAT_PTC64 = 0xd8 / 4, /* and five more, by size */
	STAT_MPTC = 0xf0 / 4,
	STAT_BPTC = 0xf4 / 4,
	STAT_TSCTC = 0xf8 / 4,
};

struct statistics {
	uint64_t count[STATISTICS_REGISTERS]; /* since the machine's start */
	uint64_t seen[STATISTICS_REGISTERS];  /* at the last read or reset */
};

/* bytes are those on the wire, frame check sequence included. */
void statistics_received(struct statistics *s, const uint8_t *frame, size_t bytes, bool taken);
void statistics_sent(struct statistics *s, const uint8_t *frame, size_t bytes,
		     unsigned int frames);

uint32_t statistics_read(struct statistics *s, unsigned int reg);
void statistics_clear(struct statistics *s);

#endif
