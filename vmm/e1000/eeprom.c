/* The EEPROM: contents with their checksum, and the two ways to read them. */
#include "vmm/e1000/eeprom.h"

#include <string.h>

#define EECD_SK   (1u << 0)
#define EECD_CS   (1u << 1)
#define EECD_DI   (1u << 2)
#define EECD_DO   (1u << 3)
#define EECD_REQ  (1u << 6)
#define EECD_GNT  (1u << 7)
#define EECD_PRES (1u << 8)

#define EERD_START         (1u << 0)
#define EERD_DONE          (1u << 4)
#define EERD_ADDRESS_SHIFT 8
#define EERD_DATA_SHIFT    16

/* A command: start bit, two bits of operation, six of address. */
#define COMMAND_BITS 9
#define READ         6u
#define ADDRESS_BITS 6

/* Words by 5.6: those that identify the card; the others say that it has nothing special. */
enum {
	WORD_INIT_CONTROL_1 = 0x0a,
	WORD_SUBSYSTEM = 0x0b,
	WORD_SUBSYSTEM_VENDOR = 0x0c,
	WORD_DEVICE = 0x0d,
	WORD_VENDOR = 0x0e,
	WORD_CHECKSUM = 0x3f,
};

#define INIT_CONTROL_1 0x4408 /* signature 01b; identities are to be loaded */
#define VENDOR_INTEL   0x8086

void eeprom_init(struct eeprom *e, const uint8_t mac[6], uint16_t subsystem, uint16_t device)
{
	uint16_t sum = 0;

	memset(e, 0, sizeof(*e));
	for (int i = 0; i < 3; i++)
		e->word[i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
	e->word[WORD_INIT_CONTROL_1] = INIT_CONTROL_1;
	e->word[WORD_SUBSYSTEM] = subsystem;
	e->word[WORD_SUBSYSTEM_VENDOR] = VENDOR_INTEL;
	e->word[WORD_DEVICE] = device;
	e->word[WORD_VENDOR] = VENDOR_INTEL;
	for (int i = 0; i < WORD_CHECKSUM; i++)
		sum = (uint16_t)(sum + e->word[i]);
	e->word[WORD_CHECKSUM] = (uint16_t)(EEPROM_CHECKSUM - sum);
}

static bool reading(const struct eeprom *e)
{
	return e->in_bits == COMMAND_BITS && e->in >> ADDRESS_BITS == READ;
}

/* The bit on the data line: of a word that is read, then of the next; else "ready". */
static bool data_out(const struct eeprom *e)
{
	unsigned int bit, word;

	if (!reading(e))
		return true;
	if (!e->out_bits)
		return false; /* the dummy bit behind the address */
	bit = e->out_bits - 1;
	word = (e->in + bit / 16) % EEPROM_WORDS;
	return e->word[word] >> (15 - bit % 16) & 1;
}

uint32_t eeprom_eecd_read(const struct eeprom *e)
{
	uint32_t value = e->eecd | EECD_PRES;

	if (e->eecd & EECD_REQ)
		value |= EECD_GNT;
	return data_out(e) ? value | EECD_DO : value;
}

static void clock_rises(struct eeprom *e)
{
	bool bit = e->eecd & EECD_DI;

	if (e->in_bits < COMMAND_BITS) {
		/* Zeros before the start bit do not count. */
		if (!bit && !e->in_bits)
			return;
		e->in = e->in << 1 | bit;
		e->in_bits++;
	} else {
		e->out_bits = (e->out_bits + 1) % (16 * EEPROM_WORDS + 1);
	}
}

void eeprom_eecd_write(struct eeprom *e, uint32_t value)
{
	uint32_t before = e->eecd;

	e->eecd = value & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ);
	if (!(value & EECD_CS))
		e->in = e->in_bits = e->out_bits = 0;
	else if (~before & value & EECD_SK)
		clock_rises(e);
}

uint32_t eeprom_eerd(const struct eeprom *e, uint32_t value)
{
	unsigned int address = value >> EERD_ADDRESS_SHIFT & 0xff;

	if (!(value & EERD_START))
		return value;
	return (uint32_t)e->word[address % EEPROM_WORDS] << EERD_DATA_SHIFT |
	       address << EERD_ADDRESS_SHIFT | EERD_DONE;
}
