/*
 * Kernel images small enough to write by hand: an ELF file with a PVH note around a few bytes
 * of 32-bit code, and a bzImage around any payload.
 */
#ifndef STRATA_TESTS_KERNEL_IMAGE_H
#define STRATA_TESTS_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_LOAD 0x100000 /* where the code goes, and the entry */

enum {
	IMAGE_HEADER = 64,
	IMAGE_SEGMENT = 64,
	IMAGE_NOTE = 64 + 2 * 56,
	IMAGE_CODE = IMAGE_NOTE + 20
};

/* The image, to be freed. Offsets in it are the enumerators above. */
uint8_t *image_elf(const uint8_t *code, size_t bytes, size_t *size);

/* A bzImage of protocol 2.08 whose payload is this. */
uint8_t *image_bzimage(const uint8_t *payload, size_t bytes, size_t *size);

/* Write it to a new file in a temporary folder; the path is to be freed, the file removed by
 * the caller. */
char *image_file(const uint8_t *image, size_t size);

#endif
