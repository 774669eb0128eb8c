/*
 * Files as vmm/block/file.h has them, but in memory, and with a memory of their own of what
 * the host's disk has: requests finish one at a time in any order, and after any of them the
 * VMM or the host may die. Links instead of vmm/block/file.c.
 *
 * A path is a real file: its content is where file_open() starts, and what is left of it after
 * a crash goes there.
 */
#ifndef STRATA_TESTS_UNIT_VMM_FAKE_FILE_H
#define STRATA_TESTS_UNIT_VMM_FAKE_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum fake_death {
	FAKE_KILLED, /* the VMM: what is finished stays */
	FAKE_POWER,  /* the host: of what was not flushed, some sectors stay */
};

/* Seed of all that is random; everything works until told otherwise. */
void fake_file_reset(uint64_t seed);

/* After so many requests have finished, nothing reaches the files anymore. */
void fake_file_die_after(uint64_t requests, enum fake_death how);
bool fake_file_is_dead(void);

/* What the files are after death is what is in them from now on. Close before. */
void fake_file_revive(void);

/* Fail requests of an operation, from the nth on, count of them. */
void fake_file_fail(int op, unsigned int nth, unsigned int count, int error);

uint64_t fake_file_finished(void); /* requests since the reset */

#endif
