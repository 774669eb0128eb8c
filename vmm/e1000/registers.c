/* The table of registers, and what reading and writing them does. */
#include "vmm/e1000/registers.h"

#include <stddef.h>

#include "vmm/e1000/e1000.h"

/* A vCPU sends so many new descriptors itself; see tx.c. */
#define KICK_DESCRIPTORS 4

static void store_delay(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_store(e, offset, value & 0xffff);
}

static uint32_t read_ctrl(struct e1000 *e, unsigned int offset)
{
	(void)offset;
	return e1000_reg(e, REG_CTRL);
}

static void write_ctrl(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	if (value & CTRL_PHY_RST)
		phy_reset(&e->phy);
	if (value & CTRL_RST)
		e1000_reset(e);
	else
		e1000_store(e, REG_CTRL, value & ~CTRL_PHY_RST);
}

static uint32_t read_status(struct e1000 *e, unsigned int offset)
{
	bool up = e->phy.link && (e1000_reg(e, REG_CTRL) & CTRL_SLU);

	(void)offset;
	return STATUS_FD | STATUS_SPEED_1000 | STATUS_ASDV_1000 | (up ? STATUS_LU : 0);
}

static uint32_t read_eecd(struct e1000 *e, unsigned int offset)
{
	(void)offset;
	return eeprom_eecd_read(&e->eeprom);
}

static void write_eecd(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	eeprom_eecd_write(&e->eeprom, value);
}

static void write_eerd(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_store(e, offset, eeprom_eerd(&e->eeprom, value));
}

static void write_ctrl_ext(struct e1000 *e, unsigned int offset, uint32_t value)
{
	/* Reading the EEPROM anew takes no time. */
	e1000_store(e, offset, value & ~CTRL_EXT_EERST);
}

static void write_mdic(struct e1000 *e, unsigned int offset, uint32_t value)
{
	bool renegotiated;
	uint32_t causes = (value & MDIC_INT) ? INT_MDAC : 0;

	e1000_store(e, offset, phy_mdic(&e->phy, value, &renegotiated));
	if (renegotiated)
		causes |= INT_LSC;
	if (causes)
		irq_raise(e, causes);
}

static uint32_t read_icr(struct e1000 *e, unsigned int offset)
{
	(void)offset;
	return irq_take(e);
}

static void write_icr(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	irq_clear(e, value);
}

static void write_ics(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	irq_raise(e, value);
}

static uint32_t read_ims(struct e1000 *e, unsigned int offset)
{
	(void)offset;
	return __atomic_load_n(&e->irq.enabled, __ATOMIC_RELAXED);
}

static void write_ims(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	irq_enable(e, value);
}

static void write_imc(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)offset;
	irq_disable(e, value);
}

static void write_rctl(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_set_promiscuous(e, value & RCTL_UPE);
	e1000_store(e, offset, value);
}

static void write_receive_delay(struct e1000 *e, unsigned int offset, uint32_t value)
{
	store_delay(e, offset, value);
	if (value & DELAY_FPD)
		irq_flush(e, &e->irq.rx);
}

static void write_transmit_delay(struct e1000 *e, unsigned int offset, uint32_t value)
{
	store_delay(e, offset, value);
	if (value & DELAY_FPD)
		irq_flush(e, &e->irq.tx);
}

static struct e1000_ring *ring_of(struct e1000 *e, unsigned int offset)
{
	return offset < REG_TDBAL ? &e->rx.ring : &e->tx.ring;
}

static void configure(struct e1000 *e, unsigned int offset)
{
	ring_configure(ring_of(e, offset), e, offset & ~0xffu);
}

static void write_base_low(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_store(e, offset, value & ~0xfu);
	configure(e, offset);
}

static void write_base_high(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_store(e, offset, value);
	configure(e, offset);
}

static void write_length(struct e1000 *e, unsigned int offset, uint32_t value)
{
	e1000_store(e, offset, value & 0xfff80);
	configure(e, offset);
}

static uint32_t read_head(struct e1000 *e, unsigned int offset)
{
	return ring_of(e, offset)->head;
}

static void write_head(struct e1000 *e, unsigned int offset, uint32_t value)
{
	ring_of(e, offset)->head = value & 0xffff;
}

static uint32_t read_tail(struct e1000 *e, unsigned int offset)
{
	return __atomic_load_n(&ring_of(e, offset)->tail, __ATOMIC_RELAXED);
}

/* Returns how many descriptors that gave us, if the tail makes sense. */
static uint32_t set_tail(struct e1000 *e, unsigned int offset, uint32_t value)
{
	struct e1000_ring *r = ring_of(e, offset);
	uint32_t size = __atomic_load_n(&r->size, __ATOMIC_RELAXED);
	uint32_t tail = value & 0xffff, before;

	if (size && tail >= size)
		e1000_count(&e->bad_tails);
	before = __atomic_exchange_n(&r->tail, tail, __ATOMIC_SEQ_CST);
	return tail >= before ? tail - before : tail + size - before;
}

static void write_receive_tail(struct e1000 *e, unsigned int offset, uint32_t value)
{
	set_tail(e, offset, value);
	if (__atomic_load_n(&e->rx.starved, __ATOMIC_SEQ_CST))
		e1000_ring_bell(e);
}

static void write_transmit_tail(struct e1000 *e, unsigned int offset, uint32_t value)
{
	uint32_t added = set_tail(e, offset, value);

	e1000_count(&e->kicks);
	if (added <= KICK_DESCRIPTORS)
		tx_run(e);
	else if (!__atomic_exchange_n(&e->tx.owed, true, __ATOMIC_SEQ_CST))
		e1000_ring_bell(e);
}

static uint32_t read_statistic(struct e1000 *e, unsigned int offset)
{
	return statistics_read(&e->statistics, (offset - REG_STATISTICS) / 4);
}

static void ignore(struct e1000 *e, unsigned int offset, uint32_t value)
{
	(void)e;
	(void)offset;
	(void)value;
}

#define ALL UINT32_MAX

/* By offset. */
static const struct register_row rows[] = {
	{REG_CTRL, 2, false, THEN_LOOK, 0, read_ctrl, write_ctrl},
	{REG_STATUS, 1, true, 0, 0, read_status, ignore},
	{REG_EECD, 1, false, 0, 0, read_eecd, write_eecd},
	{REG_EERD, 1, false, 0, 0, NULL, write_eerd},
	{REG_CTRL_EXT, 1, false, 0, 0, NULL, write_ctrl_ext},
	{REG_FLA, 1, false, 0, 0, NULL, NULL},
	{REG_MDIC, 1, false, 0, 0, NULL, write_mdic},
	{REG_FCAL, 2, false, 0, ALL, NULL, NULL},
	{REG_FCT, 1, false, 0, 0xffff, NULL, NULL},
	{REG_VET, 1, false, 0, 0xffff, NULL, NULL},
	{REG_ICR, 1, true, 0, 0, read_icr, write_icr},
	{REG_ITR, 1, true, THEN_DELAYS, 0, NULL, store_delay},
	{REG_ICS, 1, true, 0, 0, NULL, write_ics},
	{REG_IMS, 1, true, 0, 0, read_ims, write_ims},
	{REG_IMC, 1, true, 0, 0, NULL, write_imc},
	{REG_RCTL, 1, false, THEN_LOOK, 0, NULL, write_rctl},
	{REG_FCTTV, 1, false, 0, 0xffff, NULL, NULL},
	{REG_TXCW, 1, false, 0, ALL, NULL, NULL},
	{REG_RXCW, 1, false, 0, 0, NULL, NULL},
	{REG_TCTL, 1, false, THEN_SEND, ALL, NULL, NULL},
	{REG_TIPG, 1, false, 0, ALL, NULL, NULL},
	{REG_AIT, 1, false, 0, 0xffff, NULL, NULL},
	{REG_LEDCTL, 1, false, 0, ALL, NULL, NULL},
	{REG_PBA, 1, false, 0, 0xffff, NULL, NULL},
	{REG_FCRTL, 1, false, 0, ALL, NULL, NULL},
	{REG_FCRTH, 1, false, 0, ALL, NULL, NULL},
	{REG_RDFH, 9, false, 0, 0, NULL, NULL},
	{REG_RDBAL, 1, false, THEN_LOOK, 0, NULL, write_base_low},
	{REG_RDBAH, 1, false, THEN_LOOK, 0, NULL, write_base_high},
	{REG_RDLEN, 1, false, THEN_LOOK, 0, NULL, write_length},
	{REG_RDH, 1, false, THEN_LOOK, 0, read_head, write_head},
	{REG_RDT, 1, true, 0, 0, read_tail, write_receive_tail},
	{REG_RDTR, 1, true, THEN_DELAYS, 0, NULL, write_receive_delay},
	{REG_RXDCTL, 1, false, 0, ALL, NULL, NULL},
	{REG_RADV, 1, true, THEN_DELAYS, 0, NULL, store_delay},
	{REG_RSRPD, 1, false, 0, 0xfff, NULL, NULL},
	{REG_TDFH, 9, false, 0, 0, NULL, NULL},
	{REG_TDBAL, 1, false, 0, 0, NULL, write_base_low},
	{REG_TDBAH, 1, false, 0, 0, NULL, write_base_high},
	{REG_TDLEN, 1, false, 0, 0, NULL, write_length},
	{REG_TDH, 1, false, 0, 0, read_head, write_head},
	{REG_TDT, 1, true, 0, 0, read_tail, write_transmit_tail},
	{REG_TIDV, 1, true, THEN_DELAYS, 0, NULL, write_transmit_delay},
	{REG_TXDCTL, 1, false, 0, ALL, NULL, NULL},
	{REG_TADV, 1, true, THEN_DELAYS, 0, NULL, store_delay},
	{REG_TSPMT, 1, false, 0, ALL, NULL, NULL},
	{REG_STATISTICS, STATISTICS_REGISTERS, false, 0, 0, read_statistic, ignore},
	{REG_RXCSUM, 1, false, 0, ALL, NULL, NULL},
	{REG_MTA, 128, false, 0, ALL, NULL, NULL},
	{REG_RA, 2 * RA_ENTRIES, false, 0, ALL, NULL, NULL},
	{REG_VFTA, 128, false, 0, ALL, NULL, NULL},
	{REG_WUC, 1, false, 0, ALL, NULL, NULL},
	{REG_WUFC, 1, false, 0, ALL, NULL, NULL},
	{REG_WUS, 1, false, 0, 0, NULL, NULL},
	{REG_MANC, 1, false, 0, ALL, NULL, NULL},
	{REG_IPAV, 1, false, 0, ALL, NULL, NULL},
	{REG_IP4AT, 8, false, 0, ALL, NULL, NULL},
	{REG_IP6AT, 4, false, 0, ALL, NULL, NULL},
	{REG_WUPL, 1, false, 0, 0, NULL, NULL},
	{REG_FFLT, 8, false, 0, ALL, NULL, NULL},
};

const struct register_row *register_find(uint64_t offset)
{
	size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (offset < rows[mid].offset)
			high = mid;
		else if (offset >= rows[mid].offset + 4u * rows[mid].words)
			low = mid + 1;
		else
			return &rows[mid];
	}
	return NULL;
}
