/*
 * The ACPI tables, and the addresses in them that devices answer at. ACPI 6.4, chapter 5.
 */
#ifndef STRATA_VMM_ACPI_H
#define STRATA_VMM_ACPI_H

#include <stdint.h>

#include "vmm/memory.h"

/* The fixed hardware, implemented by device/pm.c and pci.c. */
#define ACPI_SCI_GSI     9
#define ACPI_PM1_EVENT   0x600 /* status and enable, two bytes each */
#define ACPI_PM1_CONTROL 0x604
#define ACPI_PM_TIMER    0x608
#define ACPI_RESET       0xcf9
#define ACPI_RESET_VALUE 6
#define ACPI_S5_TYPE     5

/* Write the tables at BOOT_ACPI, RSDP first. mem64 is the PCI window above memory. */
int acpi_write(const struct guest_memory *m, int cpus, uint64_t mem64_start,
	       uint64_t mem64_bytes);

#endif
