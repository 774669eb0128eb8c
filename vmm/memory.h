/*
 * Guest memory, behind bounds-checked helpers. Everything a guest says about an
 * address is hostile: no device touches guest memory but through these.
 *
 * RAM lies at [0, min(size, 3 GiB)) and, what is left, at [4 GiB, ...).
 * Threading: the layout is fixed before vCPUs run; all helpers may be called from any thread.
 */
#ifndef STRATA_VMM_MEMORY_H
#define STRATA_VMM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GUEST_LOW_MAX    (3ULL << 30)
#define GUEST_HIGH_START (4ULL << 30)

struct guest_region {
	uint64_t start; /* guest physical address */
	uint64_t bytes;
	uint8_t *host;
	uint64_t file_offset; /* of a shared memory's file */
};

struct guest_memory {
	struct guest_region region[2];
	int regions;
	uint64_t bytes;
	uint64_t huge_bytes; /* pages of the host's pool, 2 MiB or 1 GiB; 0: ordinary ones */
	bool shared;         /* fd is a memfd that another process may map */
	int fd;
};

/* Reserve anonymous memory for the guest; shared: as a file without a name, which costs some
 * more for each page. Fails with a sentence. */
int guest_memory_create(struct guest_memory *m, uint64_t bytes, bool shared);

/* The same of huge pages of that size, all of them taken from the host's pool now. */
int guest_memory_create_huge(struct guest_memory *m, uint64_t bytes, bool shared,
			     uint64_t huge_bytes);
void guest_memory_destroy(struct guest_memory *m);

/*
 * The host address of [gpa, gpa + len), or NULL if any byte of it is not RAM, crosses
 * regions, or the range wraps. len 0 is NULL. Valid as long as m is.
 */
void *guest_ptr(const struct guest_memory *m, uint64_t gpa, uint64_t len);

/* Copy in or out. -1 (no error text: this is the guest's fault, the caller counts it) if not
 * all RAM. */
int guest_read(const struct guest_memory *m, uint64_t gpa, void *buf, size_t len);
int guest_write(const struct guest_memory *m, uint64_t gpa, const void *buf, size_t len);

#endif
