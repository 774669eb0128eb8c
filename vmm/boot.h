/*
 * What a PVH kernel finds when it starts: command line, initrd, memory map, the address of the
 * ACPI tables, all through one start-info structure (Xen's public/arch-x86/hvm/start_info.h).
 */
#ifndef STRATA_VMM_BOOT_H
#define STRATA_VMM_BOOT_H

#include <stdint.h>

#include "vmm/kernel.h"

/* Low memory, in order. */
#define BOOT_START_INFO  0x6000
#define BOOT_MODULES     0x6100
#define BOOT_MEMORY_MAP  0x7000
#define BOOT_CMDLINE     0x20000
#define BOOT_CMDLINE_MAX 2048    /* COMMAND_LINE_SIZE of x86 */
#define BOOT_LOW_END     0x9fc00 /* as on a PC: from here to 1 MiB is not plain RAM */
#define BOOT_ACPI        0xe0000
#define BOOT_ACPI_END    0x100000

/*
 * What every kernel is told; --cmdline comes after it, and the last word counts. pci=noearly
 * spares Linux on an old AMD processor (which an emulated one is) 16,000 reads of absent
 * functions, half of all exits of a boot, looking for a GART.
 */
#define BOOT_CMDLINE_DEFAULT "console=ttyS0 panic=-1 quiet pci=noearly cryptomgr.notests"

/* Put all of it into guest memory. initrd and cmdline may be NULL. */
int boot_prepare(const struct guest_memory *m, const struct kernel *k, const char *initrd,
		 const char *cmdline);

#endif
