/* A kernel file: what it is, and the way from there into guest memory. */
#include "vmm/kernel.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"

/* Linux boot protocol (Documentation/arch/x86/boot.rst), offsets in the file. */
#define SETUP_SECTS    0x1f1
#define HEADER_MAGIC   0x202
#define VERSION        0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

int bzimage_payload(const uint8_t *image, size_t size, const uint8_t **payload, size_t *length)
{
	size_t offset, sectors;

	if (size < HEADER_END || memcmp(image + HEADER_MAGIC, "HdrS", 4))
		return err_set("it has no Linux boot header");
	if (get16(image + VERSION) < 0x208)
		return err_set(
			"its boot protocol is %u.%02u; one since 2.08 (Linux 2.6.26) is needed",
			image[VERSION + 1], image[VERSION]);
	sectors = image[SETUP_SECTS] ? image[SETUP_SECTS] : 4;
	offset = (sectors + 1) * 512 + (size_t)get32(image + PAYLOAD_OFFSET);
	*length = get32(image + PAYLOAD_LENGTH);
	if (*length == 0 || offset > size || *length > size - offset)
		return err_set(
			"it is truncated: its header promises %zu bytes of packed kernel at "
			"%zu, the file ends at %zu",
			*length, offset, size);
	*payload = image + offset;
	return 0;
}

static int is_elf(const uint8_t *bytes, size_t size)
{
	return size >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG);
}

int kernel_load(const uint8_t *bytes, size_t size, const struct guest_memory *m,
		struct kernel *k)
{
	const uint8_t *payload;
	size_t length, unpacked;
	uint8_t *image;
	int ret;

	if (is_elf(bytes, size))
		return elf_load(bytes, size, m, k);
	if (size < HEADER_END || memcmp(bytes + HEADER_MAGIC, "HdrS", 4))
		return err_set(
			"it is neither an ELF kernel (vmlinux) nor a Linux bzImage (vmlinuz)");
	if (bzimage_payload(bytes, size, &payload, &length))
		return -1;
	if (is_elf(payload, length))
		return elf_load(payload, length, m, k);
	image = unpack(payload, length, &unpacked);
	if (!image)
		return -1;
	ret = elf_load(image, unpacked, m, k);
	free(image);
	return ret ? err_add("the kernel unpacked from it") : 0;
}

int kernel_load_file(const char *path, const struct guest_memory *m, struct kernel *k)
{
	size_t size;
	uint8_t *bytes = file_read(path, "kernel", &size);
	int ret;

	if (!bytes)
		return -1;
	ret = kernel_load(bytes, size, m, k);
	free(bytes);
	return ret ? err_add("kernel %s", path) : 0;
}

static uint8_t *read_all(int fd, const char *path, const char *what, size_t size)
{
	uint8_t *bytes = malloc(size);
	size_t done = 0;

	if (!bytes) {
		err_errno("%s %s: no memory for its %zu bytes", what, path, size);
		return NULL;
	}
	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0)
			err_errno("%s %s: cannot read it", what, path);
		else
			err_set("%s %s: it shrank while it was read", what, path);
		free(bytes);
		return NULL;
	}
	return bytes;
}

uint8_t *file_read(const char *path, const char *what, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		err_errno("%s %s: cannot open it", what, path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set("%s %s: it is not a regular file", what, path);
	} else if (st.st_size == 0) {
		err_set("%s %s: it is empty", what, path);
	} else {
		*size = (size_t)st.st_size;
		bytes = read_all(fd, path, what, *size);
	}
	if (fd >= 0)
		close(fd);
	return bytes;
}
