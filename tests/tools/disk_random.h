/* Random requests to a disk and to a model of it, for the tools and the unit tests. */
#ifndef STRATA_TESTS_TOOLS_DISK_RANDOM_H
#define STRATA_TESTS_TOOLS_DISK_RANDOM_H

#include <stdint.h>

#include "vmm/block/disk.h"

/*
 * In each round a stretch of the disk is cut into pieces, and each is read, written, zeroed or
 * discarded, all at once; then the stretch is compared. The model is a file of the disk's size
 * and content; it is changed alike. Fails with a sentence.
 */
int disk_random(struct disk *d, unsigned int rounds, uint64_t seed, const char *model);

const char *disk_random_name(enum disk_op op);

#endif
