/* Guest memory: anonymous mappings, and the one place that turns a guest's address into ours.
 */
#include "vmm/memory.h"

#include <string.h>
#include <sys/mman.h>

#include "lib/err.h"

static int region_map(struct guest_memory *m, uint64_t start, uint64_t bytes)
{
	struct guest_region *r = &m->region[m->regions];
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return err_errno(
			"cannot reserve %llu MiB for the guest; ask for less with --memory",
			(unsigned long long)(bytes >> 20));
	madvise(p, bytes, MADV_DONTDUMP);
	*r = (struct guest_region){.start = start, .bytes = bytes, .host = p};
	m->regions++;
	return 0;
}

int guest_memory_create(struct guest_memory *m, uint64_t bytes)
{
	uint64_t low = bytes < GUEST_LOW_MAX ? bytes : GUEST_LOW_MAX;

	*m = (struct guest_memory){.bytes = bytes};
	if (bytes == 0 || bytes % 4096)
		return err_set("guest memory of %llu bytes is not a whole number of pages",
			       (unsigned long long)bytes);
	if (region_map(m, 0, low))
		return -1;
	if (bytes > low && region_map(m, GUEST_HIGH_START, bytes - low)) {
		guest_memory_destroy(m);
		return -1;
	}
	return 0;
}

void guest_memory_destroy(struct guest_memory *m)
{
	for (int i = 0; i < m->regions; i++)
		munmap(m->region[i].host, m->region[i].bytes);
	*m = (struct guest_memory){0};
}

void *guest_ptr(const struct guest_memory *m, uint64_t gpa, uint64_t len)
{
	if (len == 0)
		return NULL;
	for (int i = 0; i < m->regions; i++) {
		const struct guest_region *r = &m->region[i];

		/* Subtractions only: no sum of the guest's numbers that could wrap. */
		if (gpa < r->start || gpa - r->start >= r->bytes)
			continue;
		if (len > r->bytes - (gpa - r->start))
			return NULL;
		return r->host + (gpa - r->start);
	}
	return NULL;
}

int guest_read(const struct guest_memory *m, uint64_t gpa, void *buf, size_t len)
{
	const void *p;

	if (len == 0)
		return 0;
	p = guest_ptr(m, gpa, len);
	if (!p)
		return -1;
	memcpy(buf, p, len);
	return 0;
}

int guest_write(const struct guest_memory *m, uint64_t gpa, const void *buf, size_t len)
{
	void *p;

	if (len == 0)
		return 0;
	p = guest_ptr(m, gpa, len);
	if (!p)
		return -1;
	memcpy(p, buf, len);
	return 0;
}
