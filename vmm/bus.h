/*
 * A bus: address ranges with an owner. The machine has two, for ports and for MMIO;
 * a vCPU's exit looks its address up here and calls the owner.
 *
 * Unclaimed reads give all ones, unclaimed writes vanish; both are counted.
 * Threading: handlers run on the vCPU thread that exited, several at once. Ranges may be
 * added, moved and removed while vCPUs run (a guest moves a BAR); the bus locks itself.
 */
#ifndef STRATA_VMM_BUS_H
#define STRATA_VMM_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus_range;

/* offset is relative to the range's base; size is 1, 2, 4 or 8 and the access lies inside the
 * range. */
typedef uint64_t (*bus_read_fn)(struct bus_range *r, uint64_t offset, unsigned int size);
typedef void (*bus_write_fn)(struct bus_range *r, uint64_t offset, uint64_t value,
			     unsigned int size);

struct bus_range {
	const char *name;
	uint64_t base;
	uint64_t bytes;
	bus_read_fn read;   /* NULL: all ones */
	bus_write_fn write; /* NULL: ignored */
	void *owner;
	uint64_t reads, writes; /* counters, relaxed */
};

struct bus;

struct bus *bus_create(void);
void bus_destroy(struct bus *b);

/* The range stays the caller's and must outlive its registration. -1 with a sentence on
 * overlap. */
int bus_add(struct bus *b, struct bus_range *r);
void bus_remove(struct bus *b, struct bus_range *r);

uint64_t bus_read(struct bus *b, uint64_t addr, unsigned int size);
void bus_write(struct bus *b, uint64_t addr, uint64_t value, unsigned int size);

/* Call fn for each range, by address, under the bus's lock: for status. */
void bus_each(struct bus *b, void (*fn)(const struct bus_range *r, void *arg), void *arg);

/* How many accesses no range claimed. */
void bus_unclaimed(struct bus *b, uint64_t *reads, uint64_t *writes);

#endif
