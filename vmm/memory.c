/* Guest memory: anonymous mappings, private or shared, and the one place that turns a guest's
 * address into ours.
 */
#include "vmm/memory.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/err.h"

#define HUGE_PAGE (2UL << 20)

/*
 * Address space for a region that begins where a huge page does: then KVM can map the guest's
 * memory by huge pages too. NULL if there is none.
 */
static uint8_t *reserve(uint64_t bytes, uint64_t align)
{
	uint8_t *p = mmap(NULL, bytes + align, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t before = -(uintptr_t)p % align;

	if (p == MAP_FAILED)
		return NULL;
	munmap(p, before);
	munmap(p + before + bytes, align - before);
	return p + before;
}

/* The size of huge pages, as mmap() and memfd_create() take it. */
static unsigned int huge_flag(const struct guest_memory *m)
{
	return (unsigned int)__builtin_ctzll(m->huge_bytes) << MAP_HUGE_SHIFT;
}

static int no_memory(const struct guest_memory *m, uint64_t bytes)
{
	if (!m->huge_bytes)
		return err_errno("cannot reserve %llu MiB for the guest; ask for less with "
				 "--memory",
				 (unsigned long long)(bytes >> 20));
	return err_errno("the host has no %llu huge pages of %llu MiB left for the guest: see "
			 "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
			 (unsigned long long)(bytes / m->huge_bytes),
			 (unsigned long long)(m->huge_bytes >> 20),
			 (unsigned long long)(m->huge_bytes >> 10));
}

static int region_map(struct guest_memory *m, uint64_t start, uint64_t bytes)
{
	struct guest_region *r = &m->region[m->regions];
	uint64_t offset = m->regions ? r[-1].file_offset + r[-1].bytes : 0;
	int flags = m->shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	uint8_t *place = reserve(bytes, m->huge_bytes ? m->huge_bytes : HUGE_PAGE);

	/* Pages of the pool are reserved here, that the guest does not die of their lack later.
	 */
	if (!m->huge_bytes)
		flags |= MAP_NORESERVE;
	else if (!m->shared)
		flags |= MAP_HUGETLB | (int)huge_flag(m);
	if (!place || mmap(place, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
			   m->shared ? m->fd : -1, m->shared ? (off_t)offset : 0) == MAP_FAILED)
		return no_memory(m, bytes);
	madvise(place, bytes, MADV_DONTDUMP);
	if (!m->huge_bytes)
		madvise(place, bytes, MADV_HUGEPAGE);
	*r = (struct guest_region){
		.start = start, .bytes = bytes, .host = place, .file_offset = offset};
	m->regions++;
	return 0;
}

static int make_file(struct guest_memory *m)
{
	m->fd = memfd_create("strata-guest-memory",
			     MFD_CLOEXEC | (m->huge_bytes ? MFD_HUGETLB | huge_flag(m) : 0));
	if (m->fd < 0 || ftruncate(m->fd, (off_t)m->bytes))
		return err_errno("cannot make %llu MiB of shared memory for the guest",
				 (unsigned long long)(m->bytes >> 20));
	return 0;
}

int guest_memory_create_huge(struct guest_memory *m, uint64_t bytes, bool shared,
			     uint64_t huge_bytes)
{
	uint64_t low = bytes < GUEST_LOW_MAX ? bytes : GUEST_LOW_MAX;

	*m = (struct guest_memory){
		.bytes = bytes, .shared = shared, .fd = -1, .huge_bytes = huge_bytes};
	if (bytes == 0 || bytes % (huge_bytes ? huge_bytes : 4096))
		return err_set("guest memory of %llu bytes is not a whole number of pages",
			       (unsigned long long)bytes);
	if ((shared && make_file(m)) || region_map(m, 0, low) ||
	    (bytes > low && region_map(m, GUEST_HIGH_START, bytes - low))) {
		guest_memory_destroy(m);
		return -1;
	}
	return 0;
}

int guest_memory_create(struct guest_memory *m, uint64_t bytes, bool shared)
{
	return guest_memory_create_huge(m, bytes, shared, 0);
}

void guest_memory_destroy(struct guest_memory *m)
{
	for (int i = 0; i < m->regions; i++)
		munmap(m->region[i].host, m->region[i].bytes);
	if (m->shared && m->fd >= 0)
		close(m->fd);
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
