/*
 * The card's EEPROM: 64 words that hold its address and identity, read by the register EERD or
 * clocked out bit by bit through EECD (Microwire). It cannot be written: a guest's attempts are
 * acknowledged and have no effect. 8254x manual, chapter 5; 13.4.3 and 13.4.4.
 *
 * Threading: none of its own.
 */
#ifndef STRATA_VMM_E1000_EEPROM_H
#define STRATA_VMM_E1000_EEPROM_H

#include <stdbool.h>
#include <stdint.h>

#define EEPROM_WORDS    64
#define EEPROM_CHECKSUM 0xbaba /* the sum of all words */

struct eeprom {
	uint16_t word[EEPROM_WORDS];

	/* Microwire: bits shifted in since chip select, and out after a read's address */
	uint32_t eecd;
	uint32_t in;
	unsigned int in_bits;
	unsigned int out_bits;
};

void eeprom_init(struct eeprom *e, const uint8_t mac[6], uint16_t subsystem, uint16_t device);

uint32_t eeprom_eecd_read(const struct eeprom *e);
void eeprom_eecd_write(struct eeprom *e, uint32_t value);

/* What EERD reads after value was written to it. */
uint32_t eeprom_eerd(const struct eeprom *e, uint32_t value);

#endif
