/*
 * A kernel that pretends to have VFIO (vmm/vfio/sys.h), with one PCI function in a group of its
 * own, or with a companion. It checks what the real one would, and what no guest may bring
 * about: accesses inside regions, one kind of interrupt at a time, eventfds only for vectors
 * that were set up.
 */
#ifndef STRATA_TESTS_FAKE_VFIO_H
#define STRATA_TESTS_FAKE_VFIO_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_ADDRESS      "0000:00:04.0"
#define FAKE_GROUP        4
#define FAKE_BAR_BYTES    65536
#define FAKE_VECTORS      64
#define FAKE_CONTAINER_FD 1000
#define FAKE_GROUP_FD     1001
#define FAKE_DEVICE_FD    1002

struct fake_vfio {
	/* the function: config[] holds capabilities from 0x40 on */
	uint8_t config[256];
	uint64_t bar_bytes[6];
	bool bar_mappable[6];
	struct {
		uint64_t offset, bytes;
	} sparse[4];           /* of BAR 0; bytes 0: no more */
	uint32_t irqs[3];      /* INTx, MSI, MSI-X: how many the kernel offers */
	uint32_t vectors_left; /* how many MSI-X vectors the host has, 0: enough */
	bool resets, hot_resets;

	/* what is to go wrong: errno, or 0 */
	int open_container_error, open_group_error, set_container_error, set_iommu_error,
		map_error, device_error;
	bool not_viable;

	/* what was done */
	uint8_t bar[6][FAKE_BAR_BYTES];
	int index;      /* the interrupts in force: 0 INTx, 1 MSI, 2 MSI-X; -1: none */
	uint32_t count; /* vectors set up */
	int fd[FAKE_VECTORS];
	int unmask_fd;
	struct {
		uint64_t gpa, bytes, host;
	} mapped[4]; /* DMA */
	unsigned int resets_done, hot_resets_done, device_reads, device_writes;
	unsigned int open_fds, maps;
};

extern struct fake_vfio fake_vfio;

/* A fresh one: an Ethernet card with BARs 0 (memory, 64 KiB, MSI-X inside) and 2 (ports), INTx,
 * MSI, MSI-X with 5 vectors, PCI Express, power management, a vendor's capability. */
void fake_vfio_reset(void);

/* A sysfs in a folder of its own that has the function; and takes it away. */
void fake_sysfs_make(const char *driver, uint32_t class_code);
void fake_sysfs_add(const char *address, const char *driver, uint32_t class_code, int group);
void fake_sysfs_remove(void);

#endif
