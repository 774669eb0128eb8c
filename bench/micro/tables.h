/* What the guest's processors need in memory: page tables, segments; and memory of one kind of
 * page to measure them with. */
#ifndef STRATA_BENCH_MICRO_TABLES_H
#define STRATA_BENCH_MICRO_TABLES_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first 4 GiB mapped to themselves by 2 MiB pages, but for the arena where arena_tables is
 * given: that by pages of 4 KiB, whose tables are written there. And a GDT. */
void tables_write(uint8_t *low, uint8_t *arena_tables, uint64_t arena_bytes);

/* Long mode with these page tables, and where that GDT is. */
void tables_use(struct kvm_sregs *s);

/* Memory on a boundary of 2 MiB, all of it there, of huge pages or of none. NULL with a
 * sentence: the kernel gave other ones. */
uint8_t *arena_map(size_t bytes, bool huge);

#endif
