/*
 * Fuzzes the 82540EM from the guest's side: the input is a program of a hostile driver that
 * reads and writes registers of any width, writes descriptors and anything else into its
 * memory, while frames arrive and the tap fills up. The card may count what makes no sense; it
 * may not crash, hang, or touch what is not guest memory.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/program.h"
#include "tests/unit/vmm/card.h"
#include "tests/unit/vmm/fake_pci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPERATIONS_MAX = 400 };

enum operation {
	WRITE,
	WRITE_WELL_KNOWN,
	READ,
	WRITE_MEMORY,
	DESCRIBE_TRANSMIT,
	DESCRIBE_RECEIVE,
	KICK,
	ARRIVE,
	TURN,
	TIMER,
	DRAIN,
	START,
	OPERATIONS,
};

/* Where a mutation of one byte finds another register that matters. */
static const uint16_t known[] = {
	REG_CTRL,  REG_STATUS, REG_EECD, REG_EERD,     REG_MDIC, REG_VET,  REG_ICR,
	REG_ITR,   REG_ICS,    REG_IMS,  REG_IMC,      REG_RCTL, REG_TCTL, REG_RDBAL,
	REG_RDBAH, REG_RDLEN,  REG_RDH,  REG_RDT,      REG_RDTR, REG_RADV, REG_TDBAL,
	REG_TDBAH, REG_TDLEN,  REG_TDH,  REG_TDT,      REG_TIDV, REG_TADV, REG_RXCSUM,
	REG_MTA,   REG_RA,     REG_VFTA, REG_CTRL_EXT,
};

static void write_register(struct card *c, struct input *in)
{
	unsigned int size = 1u << (byte(in) & 3);
	uint64_t at = word(in) & 0x1ffff;

	if (at + size > 0x20000)
		return;
	if (at & 1)
		e1000_io_write(&c->e, at & 4, word(in), size);
	else
		e1000_write(&c->e, at, word(in) | (uint64_t)word(in) << 32, size);
}

static void read_register(struct card *c, struct input *in)
{
	unsigned int size = 1u << (byte(in) & 3);
	uint64_t at = half(in) << 1;

	e1000_read(&c->e, at & ~(uint64_t)(size - 1), size);
	e1000_io_read(&c->e, at & 4, size);
}

static void write_memory(struct card *c, struct input *in)
{
	uint64_t at = (uint64_t)half(in) << 4;
	unsigned int n = byte(in);

	for (; n && at < DRIVER_MEMORY; n--)
		*(uint8_t *)driver_host(&c->driver, at++) = (uint8_t)byte(in);
}

static void describe_transmit(struct card *c, struct input *in)
{
	uint64_t at = (uint64_t)half(in) << (byte(in) & 7);

	/* A context's fields fill the address. */
	if (byte(in) & 1)
		at = word(in) | (uint64_t)word(in) << 32;
	card_put(c, at, word(in), word(in));
}

static void describe_receive(struct card *c, struct input *in)
{
	unsigned int index = byte(in) % CARD_RING;

	c->rx[index].address = (uint64_t)half(in) << (byte(in) & 7);
}

static void arrive(struct card *c, struct input *in)
{
	static uint8_t frame[70000];
	size_t bytes = half(in);

	for (int i = 0; i < 32; i++)
		frame[i] = (uint8_t)byte(in);
	if (frame[31] & 1)
		memcpy(frame + E1000_HEADER, c->e.link.mac, 6);
	if (write(c->wire, frame, bytes + 1) < 0)
		return; /* the wire is full, or the card has hung up */
	card_turn(c);
}

static void drain(struct card *c)
{
	static uint8_t frame[E1000_HEADER + 70000];

	while (read(c->wire, frame, sizeof(frame)) > 0)
		;
}

static void operate(struct card *c, struct input *in)
{
	switch ((enum operation)(byte(in) % OPERATIONS)) {
	case WRITE:
		write_register(c, in);
		break;
	case WRITE_WELL_KNOWN:
		card_set(c, known[byte(in) % (sizeof(known) / sizeof(known[0]))], word(in));
		break;
	case READ:
		read_register(c, in);
		break;
	case WRITE_MEMORY:
		write_memory(c, in);
		break;
	case DESCRIBE_TRANSMIT:
		describe_transmit(c, in);
		break;
	case DESCRIBE_RECEIVE:
		describe_receive(c, in);
		break;
	case KICK:
		card_kick(c);
		break;
	case ARRIVE:
		arrive(c, in);
		break;
	case TURN:
		card_turn(c);
		break;
	case TIMER:
		irq_timer(&c->e);
		break;
	case DRAIN:
		drain(c);
		break;
	case START:
		c->driver.next = 4096;
		card_start(c);
		card_offer(c, byte(in) % CARD_RING);
		break;
	case OPERATIONS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct card *c = calloc(1, sizeof(*c));
	struct input in = {data, size};

	signal(SIGPIPE, SIG_IGN);
	fake_pci_reset();
	card_make(c);
	card_start(c);
	card_offer(c, 8);
	for (int i = 0; in.left && i < OPERATIONS_MAX; i++)
		operate(c, &in);
	card_free(c);
	free(c);
	return 0;
}
