/*
 * The table of the card's registers: a row says what reading and writing one does.
 *
 * Threading: rows are constant; who calls read() and write() holds both ring locks, unless the
 * row is hot.
 */
#ifndef STRATA_VMM_E1000_REGISTERS_H
#define STRATA_VMM_E1000_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

struct e1000;

/* What a write leads to once the locks are released. */
enum {
	THEN_LOOK = 1 << 0,   /* the loop looks at the card again */
	THEN_SEND = 1 << 1,   /* what is in the transmit ring may go now */
	THEN_DELAYS = 1 << 2, /* interrupts go by other times */
};

struct register_row {
	uint16_t offset;
	uint16_t words;
	bool hot; /* called without locks: it knows what it needs */
	uint8_t then;
	uint32_t writable; /* of plain registers, those without write() */
	uint32_t (*read)(struct e1000 *e, unsigned int offset);
	void (*write)(struct e1000 *e, unsigned int offset, uint32_t value);
};

/* The row of the register at that offset, or NULL if there is none. */
const struct register_row *register_find(uint64_t offset);

#endif
