/* The two windows that vCPUs have onto the registers: BAR 0, and IOADDR and IODATA in BAR 1. */
#include "vmm/e1000/e1000.h"
#include "vmm/e1000/registers.h"

#define IO_ADDRESS 0
#define IO_DATA    4

static void lock(struct e1000 *e, const struct register_row *r)
{
	if (r->hot)
		return;
	pthread_mutex_lock(&e->rx_lock);
	pthread_mutex_lock(&e->tx_lock);
}

static void unlock(struct e1000 *e, const struct register_row *r)
{
	if (r->hot)
		return;
	pthread_mutex_unlock(&e->tx_lock);
	pthread_mutex_unlock(&e->rx_lock);
}

static uint32_t read_word(struct e1000 *e, uint64_t offset)
{
	const struct register_row *r = register_find(offset);
	uint32_t value;

	e1000_count(&e->register_reads);
	if (!r)
		return 0;
	lock(e, r);
	value = r->read ? r->read(e, (unsigned int)offset) : e1000_reg(e, (unsigned int)offset);
	unlock(e, r);
	return value;
}

static void write_word(struct e1000 *e, uint64_t offset, uint32_t value)
{
	const struct register_row *r = register_find(offset);

	e1000_count(&e->register_writes);
	if (!r)
		return;
	lock(e, r);
	if (r->write)
		r->write(e, (unsigned int)offset, value);
	else
		e1000_store(e, (unsigned int)offset, value & r->writable);
	unlock(e, r);
	if (r->then & THEN_DELAYS)
		irq_configure(e);
	if (r->then & THEN_SEND)
		tx_run(e);
	if (r->then & THEN_LOOK)
		e1000_ring_bell(e);
}

/* Registers are words (13.2); a wider access is two, anything else is nonsense. */
uint64_t e1000_read(struct e1000 *e, uint64_t offset, unsigned int size)
{
	if (size < 4 || offset % 4) {
		e1000_count(&e->odd_accesses);
		return 0;
	}
	if (size == 4)
		return read_word(e, offset);
	return read_word(e, offset) | (uint64_t)read_word(e, offset + 4) << 32;
}

void e1000_write(struct e1000 *e, uint64_t offset, uint64_t value, unsigned int size)
{
	if (size < 4 || offset % 4) {
		e1000_count(&e->odd_accesses);
		return;
	}
	write_word(e, offset, (uint32_t)value);
	if (size == 8)
		write_word(e, offset + 4, (uint32_t)(value >> 32));
}

uint64_t e1000_io_read(struct e1000 *e, uint64_t offset, unsigned int size)
{
	uint32_t address = __atomic_load_n(&e->io_address, __ATOMIC_RELAXED);

	if (offset == IO_DATA)
		return e1000_read(e, address, size);
	return offset == IO_ADDRESS && size == 4 ? address : 0;
}

void e1000_io_write(struct e1000 *e, uint64_t offset, uint64_t value, unsigned int size)
{
	if (offset == IO_DATA)
		e1000_write(e, __atomic_load_n(&e->io_address, __ATOMIC_RELAXED), value, size);
	else if (offset == IO_ADDRESS && size == 4)
		__atomic_store_n(&e->io_address, (uint32_t)value, __ATOMIC_RELAXED);
}
