/* The PHY's registers: what they hold, which bits of them can be written. */
#include "vmm/e1000/phy.h"

#include "vmm/e1000/regs.h"

#define PHY_ADDRESS 1

enum {
	PHY_CONTROL = 0,
	PHY_STATUS = 1,
	PHY_SPECIFIC_STATUS = 17,
};

#define CONTROL_RESET       0x8000
#define CONTROL_RENEGOTIATE 0x0200

#define STATUS_LINK          0x0004
#define STATUS_NEGOTIATED    0x0020
#define SPECIFIC_STATUS_LINK 0x0400

/* Registers by 8.6: reset values, and bits that can be written. */
static const struct {
	uint16_t value;
	uint16_t writable;
} rows[PHY_REGISTERS] = {
	[PHY_CONTROL] = {0x1140, 0x7fff & ~CONTROL_RENEGOTIATE}, /* negotiate; gigabit, full
								  * duplex */
	[PHY_STATUS] = {0x7949, 0},                              /* what it can do */
	[2] = {0x0141, 0},                                       /* identifier */
	[3] = {0x0c20, 0},
	[4] = {0x01e1, 0xffff},              /* advertised: 10 and 100 Mb/s */
	[5] = {0x41e1, 0},                   /* so does the partner, and acknowledges */
	[6] = {0x000d, 0},                   /* the partner can negotiate */
	[7] = {0x2001, 0xffff},              /* next page */
	[9] = {0x0e00, 0xffff},              /* gigabit control */
	[10] = {0x3c00, 0},                  /* gigabit status: both receivers are well */
	[15] = {0x3000, 0},                  /* extended status: 1000BASE-T */
	[16] = {0x0068, 0xffff},             /* specific control */
	[PHY_SPECIFIC_STATUS] = {0xa800, 0}, /* resolved: gigabit, full duplex */
	[18] = {0, 0xffff},                  /* interrupt enable: not wired */
	[20] = {0x0c60, 0xffff},             /* extended specific control */
	[24] = {0x4100, 0xffff},             /* LED control */
	[25] = {0, 0xffff},                  /* LED override */
	[29] = {0, 0xffff},                  /* page select */
	[30] = {0, 0xffff},                  /* page data */
};

void phy_reset(struct phy *p)
{
	for (int i = 0; i < PHY_REGISTERS; i++)
		p->reg[i] = rows[i].value;
}

static uint16_t read_register(const struct phy *p, unsigned int r)
{
	if (r == PHY_STATUS && p->link)
		return p->reg[r] | STATUS_LINK | STATUS_NEGOTIATED;
	if (r == PHY_SPECIFIC_STATUS && p->link)
		return p->reg[r] | SPECIFIC_STATUS_LINK;
	return p->reg[r];
}

static void write_register(struct phy *p, unsigned int r, uint16_t value, bool *renegotiated)
{
	if (r == PHY_CONTROL && (value & (CONTROL_RESET | CONTROL_RENEGOTIATE)))
		*renegotiated = true;
	if (r == PHY_CONTROL && (value & CONTROL_RESET)) {
		phy_reset(p);
		return;
	}
	p->reg[r] = (uint16_t)((p->reg[r] & ~rows[r].writable) | (value & rows[r].writable));
}

uint32_t phy_mdic(struct phy *p, uint32_t command, bool *renegotiated)
{
	unsigned int r = command >> MDIC_REG_SHIFT & 0x1f;
	uint32_t kept = command & ~(MDIC_READY | MDIC_ERROR);

	*renegotiated = false;
	if ((command >> MDIC_PHY_SHIFT & 0x1f) != PHY_ADDRESS)
		return kept | MDIC_READY | MDIC_ERROR;
	if (command & MDIC_WRITE)
		write_register(p, r, (uint16_t)command, renegotiated);
	else if (command & MDIC_READ)
		kept = (kept & ~MDIC_DATA) | read_register(p, r);
	return kept | MDIC_READY;
}
