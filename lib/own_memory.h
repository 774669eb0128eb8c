/*
 * What a virtual machine monitor keeps for itself: the private memory of its process beyond the
 * guest's RAM (Linux, Documentation/filesystems/proc.rst, smaps).
 */
#ifndef STRATA_LIB_OWN_MEMORY_H
#define STRATA_LIB_OWN_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Bytes of private pages, clean and dirty, in all mappings of pid that are smaller than
 * guest_bytes: a mapping of that size or more is the guest's RAM. pid 0 is ourselves. -1 with a
 * sentence.
 */
int64_t own_memory(pid_t pid, uint64_t guest_bytes);

#endif
