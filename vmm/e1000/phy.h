/*
 * The card's PHY, as a driver sees it through MDIC: a Marvell 88E1000 family part with a
 * gigabit link partner. Its link follows the tap. 8254x manual, chapter 8; IEEE 802.3, 22.2.4.
 *
 * Threading: none of its own.
 */
#ifndef STRATA_VMM_E1000_PHY_H
#define STRATA_VMM_E1000_PHY_H

#include <stdbool.h>
#include <stdint.h>

#define PHY_REGISTERS 32

struct phy {
	uint16_t reg[PHY_REGISTERS];
	bool link;
};

void phy_reset(struct phy *p);

/*
 * Carry out the access that was written to MDIC; returns what it reads afterwards.
 * *renegotiated: the driver had the link negotiated anew, which takes no time here.
 */
uint32_t phy_mdic(struct phy *p, uint32_t command, bool *renegotiated);

#endif
