/* Disks opened from an option's text, as --disk has it. */
#ifndef STRATA_TESTS_DISK_OPTION_H
#define STRATA_TESTS_DISK_OPTION_H

#include "vmm/block/disk.h"

/* Fails with a sentence, as wrong usage does. */
struct disk *disk_option_open(const char *text, struct loop *loop);

#endif
