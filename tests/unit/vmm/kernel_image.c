/* Kernel images written by hand. */
#include "tests/unit/vmm/kernel_image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint8_t *image_elf(const uint8_t *code, size_t bytes, size_t *size)
{
	static const uint8_t note[20] = {4, 0, 0,   0,   4,   0, 0, 0, 18,   0,
					 0, 0, 'X', 'e', 'n', 0, 0, 0, 0x10, 0};
	Elf64_Ehdr h = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = IMAGE_SEGMENT,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr p[2] = {
		{.p_type = PT_LOAD,
		 .p_offset = IMAGE_CODE,
		 .p_paddr = IMAGE_LOAD,
		 .p_filesz = bytes,
		 .p_memsz = bytes + 64},
		{.p_type = PT_NOTE, .p_offset = IMAGE_NOTE, .p_filesz = sizeof(note)},
	};
	uint8_t *image = calloc(1, IMAGE_CODE + bytes);

	memcpy(image, &h, sizeof(h));
	memcpy(image + IMAGE_SEGMENT, p, sizeof(p));
	memcpy(image + IMAGE_NOTE, note, sizeof(note));
	memcpy(image + IMAGE_CODE, code, bytes);
	*size = IMAGE_CODE + bytes;
	return image;
}

uint8_t *image_bzimage(const uint8_t *payload, size_t bytes, size_t *size)
{
	enum {
		SETUP = 2 * 512,
		BEFORE = 16
	}; /* one setup sector, some code before the payload */
	uint8_t *image = calloc(1, SETUP + BEFORE + bytes);
	uint32_t offset = BEFORE, length = (uint32_t)bytes;

	image[0x1f1] = 1;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x08;
	image[0x207] = 0x02;
	memcpy(image + 0x248, &offset, 4);
	memcpy(image + 0x24c, &length, 4);
	memcpy(image + SETUP + BEFORE, payload, bytes);
	*size = SETUP + BEFORE + bytes;
	return image;
}

char *image_file(const uint8_t *image, size_t size)
{
	char *path = strdup("/tmp/strata-test-XXXXXX");
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, image, size) != (ssize_t)size)
		abort();
	close(fd);
	return path;
}
