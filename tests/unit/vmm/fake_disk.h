/*
 * A disk in memory (vmm/block/disk.h), for tests and fuzzers of the devices on it. Linked
 * before the VMM's archive, it stands in for vmm/block. It can hold requests back, and fail.
 */
#ifndef STRATA_TESTS_FAKE_DISK_H
#define STRATA_TESTS_FAKE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/block/disk.h"

#define FAKE_DISK_BYTES (1u << 20)
#define FAKE_DISK_PAST  8 /* requests that are remembered */

struct fake_disk {
	struct disk_info info;
	bool hold;             /* begin nothing until this is over, or the disk is drained */
	int error;             /* what requests end with */
	void (*working)(void); /* called once while it runs: the guest goes on meanwhile */
	unsigned int held;     /* submitted and not answered */
	unsigned int answered;
	struct disk_request past[FAKE_DISK_PAST]; /* the last ones, newest first */
	uint8_t data[FAKE_DISK_BYTES];
};

extern struct fake_disk fake_disk;

/* As new, but for its data. */
void fake_disk_reset(void);

/* A pattern without repetition near by. */
void fake_disk_fill(void);

#endif
