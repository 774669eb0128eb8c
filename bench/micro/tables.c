/* Page tables, segments, memory: see tables.h. */
#include "bench/micro/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/micro/guest/shared.h"
#include "lib/cpu_mode.h"
#include "lib/err.h"

#define LARGE     (2ull << 20)
#define ENTRIES   512
#define PRESENT   0x3u /* and writable: Intel SDM 3, 4.5 */
#define LARGE_BIT 0x80u
#define GDT       (GUEST_TABLES + 0x7000u)

#define CODE_DESCRIPTOR 0x00af9b000000ffffull /* Intel SDM 3, 3.4.5: 64-bit code */
#define DATA_DESCRIPTOR 0x00cf93000000ffffull

void tables_write(uint8_t *low, uint8_t *arena_tables, uint64_t arena_bytes)
{
	uint64_t *pml4 = (uint64_t *)(low + GUEST_TABLES);
	uint64_t *pdpt = pml4 + ENTRIES, *pd = pdpt + ENTRIES;
	uint64_t *gdt = (uint64_t *)(low + GDT), *pt = (uint64_t *)arena_tables;

	pml4[0] = (GUEST_TABLES + 0x1000) | PRESENT;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (GUEST_TABLES + 0x2000 + i * 0x1000) | PRESENT;
	for (uint64_t i = 0; i < 4 * ENTRIES; i++)
		pd[i] = i * LARGE | PRESENT | LARGE_BIT;
	for (uint64_t i = 0; pt && i < arena_bytes / 4096; i++) {
		pt[i] = (GUEST_ARENA + i * 4096) | PRESENT;
		pd[(GUEST_ARENA + i * 4096) / LARGE] =
			(GUEST_ARENA_PTS + i / ENTRIES * 4096) | PRESENT;
	}
	gdt[1] = CODE_DESCRIPTOR;
	gdt[2] = DATA_DESCRIPTOR;
}

void tables_use(struct kvm_sregs *s)
{
	cpu_mode_long(s, GUEST_TABLES);
	s->gdt.base = GDT;
	s->gdt.limit = 3 * 8 - 1;
}

/* Bytes of huge pages in the mapping that begins at address: its AnonHugePages in smaps. */
static uint64_t huge_bytes(const void *address)
{
	char line[256], wanted[32];
	FILE *f = fopen("/proc/self/smaps", "re");
	bool here = false;
	uint64_t kib = 0;

	snprintf(wanted, sizeof(wanted), "%" PRIxPTR "-", (uintptr_t)address);
	while (f && fgets(line, sizeof(line), f)) {
		if (!here)
			here = !strncmp(line, wanted, strlen(wanted));
		else if (sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib << 10;
}

/* As much again is mapped, and what lies before and behind the boundary given back. */
static uint8_t *map_aligned(size_t bytes)
{
	size_t all = bytes + 2 * LARGE, before;
	uint8_t *p = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	before = LARGE - (uintptr_t)p % LARGE;
	munmap(p, before);
	munmap(p + before + bytes, all - before - bytes);
	return mprotect(p + before, bytes, PROT_READ | PROT_WRITE) ? NULL : p + before;
}

uint8_t *arena_map(size_t bytes, bool huge)
{
	uint8_t *p = map_aligned(bytes);
	uint64_t found;

	if (!p) {
		err_errno("map %zu bytes", bytes);
		return NULL;
	}
	/* On a machine without huge pages, "none" needs no asking. */
	if (madvise(p, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) && huge) {
		err_errno("ask for huge pages");
		goto fail;
	}
	memset(p, 0, bytes);
	found = huge_bytes(p);
	if (found == (huge ? bytes : 0))
		return p;
	err_set("%s huge pages were wanted, and the kernel gave %" PRIu64 " of %zu MiB of them "
		"(memory is fragmented, or transparent huge pages are switched off)",
		huge ? "only" : "no", found >> 20, bytes >> 20);
fail:
	munmap(p, bytes);
	return NULL;
}
