/*
 * Loading a kernel: from a file, by way of whatever it is packed in, into guest memory. An
 * unpacked one is read straight to where it belongs: copies are what a short start is made of.
 *
 * The bytes may be anything: every offset and length in them is checked against what
 * was read before it is used. Nothing here needs KVM.
 */
#ifndef STRATA_VMM_KERNEL_H
#define STRATA_VMM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/memory.h"

/* Below 1 MiB lie the boot structures and ACPI tables; kernels load above. */
#define KERNEL_LOWEST 0x100000ULL

/* An unpacked Debian kernel takes about 70 MiB; a bomb is stopped here. */
#define KERNEL_BYTES_MAX (1ULL << 30)

struct kernel {
	uint32_t entry; /* of PVH: 32-bit, physical */
	uint64_t end;   /* first byte beyond everything it occupies */
};

/* Where a kernel's bytes come from: memory, or an open file if bytes is NULL. */
struct source {
	const uint8_t *bytes;
	int fd;
	uint64_t size;
};

/* Exactly that part of it. -1 with a sentence; a part that lies outside is the caller's
 * mistake. */
int source_read(const struct source *s, uint64_t offset, void *buf, size_t length);

/* ELF or bzImage, told apart by their magic. Fails with a sentence. */
int kernel_load_file(const char *path, const struct guest_memory *m, struct kernel *k);
int kernel_load(const uint8_t *bytes, size_t size, const struct guest_memory *m,
		struct kernel *k);

/* Its three steps. The payload points into the image; what unpack() returns is the caller's to
 * free. */
int bzimage_payload(const uint8_t *image, size_t size, const uint8_t **payload, size_t *length);
uint8_t *unpack(const uint8_t *packed, size_t length, size_t *unpacked);
int elf_load(const struct source *s, const struct guest_memory *m, struct kernel *k);

/* Open a regular file that is not empty, what naming it in the sentence if it cannot be. */
int source_open(struct source *s, const char *path, const char *what);
void source_close(struct source *s);

#endif
