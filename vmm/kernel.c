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

/* A bzImage, all of it in memory. */
static int load_packed(const uint8_t *bytes, size_t size, const struct guest_memory *m,
		       struct kernel *k)
{
	const uint8_t *payload;
	size_t length, unpacked;
	uint8_t *image;
	int ret;

	if (bzimage_payload(bytes, size, &payload, &length))
		return -1;
	if (is_elf(payload, length))
		return elf_load(&(struct source){.bytes = payload, .size = length}, m, k);
	image = unpack(payload, length, &unpacked);
	if (!image)
		return -1;
	ret = elf_load(&(struct source){.bytes = image, .size = unpacked}, m, k);
	free(image);
	return ret ? err_add("the kernel unpacked from it") : 0;
}

static int load_packed_file(const struct source *s, const struct guest_memory *m,
			    struct kernel *k)
{
	uint8_t *bytes = malloc(s->size);
	int ret;

	if (!bytes)
		return err_errno("no memory for its %llu bytes", (unsigned long long)s->size);
	ret = source_read(s, 0, bytes, s->size) ? -1 : load_packed(bytes, s->size, m, k);
	free(bytes);
	return ret;
}

static int load(const struct source *s, const struct guest_memory *m, struct kernel *k)
{
	uint8_t head[HEADER_END] = {0};
	size_t length = s->size < sizeof(head) ? s->size : sizeof(head);

	if (source_read(s, 0, head, length))
		return -1;
	if (is_elf(head, length))
		return elf_load(s, m, k);
	if (length < HEADER_END || memcmp(head + HEADER_MAGIC, "HdrS", 4))
		return err_set(
			"it is neither an ELF kernel (vmlinux) nor a Linux bzImage (vmlinuz)");
	return s->bytes ? load_packed(s->bytes, s->size, m, k) : load_packed_file(s, m, k);
}

int kernel_load(const uint8_t *bytes, size_t size, const struct guest_memory *m,
		struct kernel *k)
{
	return load(&(struct source){.bytes = bytes, .size = size}, m, k);
}

int kernel_load_file(const char *path, const struct guest_memory *m, struct kernel *k)
{
	struct source s;
	int ret;

	if (source_open(&s, path, "kernel"))
		return -1;
	ret = load(&s, m, k);
	source_close(&s);
	return ret ? err_add("kernel %s", path) : 0;
}

int source_read(const struct source *s, uint64_t offset, void *buf, size_t length)
{
	if (s->bytes) {
		memcpy(buf, s->bytes + offset, length);
		return 0;
	}
	while (length) {
		ssize_t n = pread(s->fd, buf, length, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno("cannot read it");
		if (n == 0)
			return err_set("it shrank while it was read");
		buf = (char *)buf + n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

int source_open(struct source *s, const char *path, const char *what)
{
	struct stat st;

	*s = (struct source){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (s->fd < 0 || fstat(s->fd, &st))
		err_errno("%s %s: cannot open it", what, path);
	else if (!S_ISREG(st.st_mode))
		err_set("%s %s: it is not a regular file", what, path);
	else if (st.st_size == 0)
		err_set("%s %s: it is empty", what, path);
	else
		s->size = (uint64_t)st.st_size;
	if (s->size)
		return 0;
	source_close(s);
	return -1;
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
