/* Which frames the card takes in. */
#include "vmm/e1000/filter.h"

#include <linux/if_ether.h>
#include <string.h>

#include "vmm/e1000/regs.h"

#define TAG_BYTES 4
#define TAG_CFI   (1u << 12)
#define TAG_VID   0xfffu

static bool bit_of(const uint32_t *table, unsigned int index)
{
	return table[index / 32] >> index % 32 & 1;
}

static bool own_address(const uint32_t *reg, const uint8_t *address)
{
	for (unsigned int i = 0; i < RA_ENTRIES; i++) {
		const uint32_t *pair = reg + REG_RA / 4 + 2 * i;
		uint8_t own[ETH_ALEN];

		if (!(pair[1] & RAH_AV) || (pair[1] & RAH_AS))
			continue;
		memcpy(own, &pair[0], 4);
		memcpy(own + 4, &pair[1], 2);
		if (!memcmp(own, address, ETH_ALEN))
			return true;
	}
	return false;
}

/* Which twelve bits of the address index the table, by RCTL.MO. */
static bool multicast_hash(const uint32_t *reg, const uint8_t *address)
{
	static const uint8_t shift[4] = {4, 3, 2, 0};
	unsigned int tail = (unsigned int)address[4] | (unsigned int)address[5] << 8;
	unsigned int offset = reg[REG_RCTL / 4] >> RCTL_MO_SHIFT & 3;

	return bit_of(reg + REG_MTA / 4, tail >> shift[offset] & 0xfff);
}

bool filter_tagged(const uint32_t *reg, const uint8_t *frame, size_t bytes)
{
	unsigned int type = (unsigned int)frame[2 * ETH_ALEN] << 8 | frame[2 * ETH_ALEN + 1];

	return type == (reg[REG_VET / 4] & 0xffff) && bytes >= ETH_HLEN + TAG_BYTES;
}

static bool vlan_passes(const uint32_t *reg, const uint8_t *frame, size_t bytes)
{
	uint32_t rctl = reg[REG_RCTL / 4];
	unsigned int tag;

	if (!(rctl & RCTL_VFE) || !filter_tagged(reg, frame, bytes))
		return true;
	tag = (unsigned int)frame[ETH_HLEN] << 8 | frame[ETH_HLEN + 1];
	if ((rctl & RCTL_CFIEN) && !(tag & TAG_CFI) != !(rctl & RCTL_CFI))
		return false;
	return bit_of(reg + REG_VFTA / 4, tag & TAG_VID);
}

static enum filter_verdict address_passes(const uint32_t *reg, const uint8_t *address)
{
	static const uint8_t broadcast[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint32_t rctl = reg[REG_RCTL / 4];
	bool multicast = address[0] & 1;

	if (own_address(reg, address) || (rctl & (multicast ? RCTL_MPE : RCTL_UPE)))
		return FILTER_EXACT;
	if ((rctl & RCTL_BAM) && !memcmp(address, broadcast, ETH_ALEN))
		return FILTER_EXACT;
	return multicast && multicast_hash(reg, address) ? FILTER_HASHED : FILTER_DROP;
}

enum filter_verdict filter_frame(const uint32_t *reg, const uint8_t *frame, size_t bytes)
{
	return vlan_passes(reg, frame, bytes) ? address_passes(reg, frame) : FILTER_DROP;
}
