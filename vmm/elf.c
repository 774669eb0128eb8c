/*
 * An uncompressed x86-64 kernel as an ELF file: its segments go where they ask to be, and the
 * entry is the one of the PVH note (Xen's docs/misc/pvh.pandoc, XEN_ELFNOTE_PHYS32_ENTRY).
 */
#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/kernel.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define NOTES_BYTES_MAX          65536

static bool inside(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

static int check_header(const Elf64_Ehdr *h, uint64_t size)
{
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64)
		return err_set("it is an ELF file, but not for x86-64");
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return err_set("it is an ELF file, but not an executable");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
	    !inside(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), size))
		return err_set(
			"it is truncated or damaged: its program headers lie outside the file");
	return 0;
}

static int load_segment(const struct source *s, const Elf64_Phdr *p,
			const struct guest_memory *m, struct kernel *k)
{
	uint8_t *to;

	if (p->p_memsz == 0)
		return 0;
	if (p->p_filesz > p->p_memsz)
		return err_set("it is damaged: a segment is larger in the file than in memory");
	if (p->p_paddr < KERNEL_LOWEST)
		return err_set(
			"it wants to be loaded at 0x%llx, below 1 MiB, where the boot structures "
			"are",
			(unsigned long long)p->p_paddr);
	to = guest_ptr(m, p->p_paddr, p->p_memsz);
	if (!to)
		return err_set(
			"it does not fit: it needs memory from 0x%llx on for %llu bytes, the guest "
			"has %llu MiB; give it more with --memory",
			(unsigned long long)p->p_paddr, (unsigned long long)p->p_memsz,
			(unsigned long long)(m->bytes >> 20));
	/* What the file does not fill is zero: the memory is fresh. */
	if (source_read(s, p->p_offset, to, p->p_filesz))
		return -1;
	if (p->p_paddr + p->p_memsz > k->end)
		k->end = p->p_paddr + p->p_memsz;
	return 0;
}

/* Note entries are a header, a name and a body, the latter two padded to four bytes. */
static bool find_entry(const uint8_t *notes, uint64_t size, uint32_t *entry)
{
	uint64_t at = 0;

	while (inside(at, sizeof(Elf64_Nhdr), size)) {
		Elf64_Nhdr n;
		uint64_t name, body;

		memcpy(&n, notes + at, sizeof(n));
		name = at + sizeof(n);
		body = name + (((uint64_t)n.n_namesz + 3) & ~3ULL);
		if (!inside(name, n.n_namesz, size) || !inside(body, n.n_descsz, size))
			return false;
		if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) && n.n_descsz >= 4) {
			memcpy(entry, notes + body, sizeof(*entry));
			return true;
		}
		at = body + (((uint64_t)n.n_descsz + 3) & ~3ULL);
	}
	return false;
}

static int load_notes(const struct source *s, const Elf64_Phdr *p, bool *found, uint32_t *entry)
{
	uint8_t notes[NOTES_BYTES_MAX];

	if (*found || p->p_filesz > sizeof(notes))
		return 0;
	if (source_read(s, p->p_offset, notes, p->p_filesz))
		return -1;
	*found = find_entry(notes, p->p_filesz, entry);
	return 0;
}

static int load_header(const struct source *s, const Elf64_Phdr *p,
		       const struct guest_memory *m, struct kernel *k, bool *found)
{
	if (p->p_type != PT_LOAD && p->p_type != PT_NOTE)
		return 0;
	if (!inside(p->p_offset, p->p_filesz, s->size))
		return err_set("it is truncated: a segment lies at %llu, the file ends at %llu",
			       (unsigned long long)p->p_offset, (unsigned long long)s->size);
	return p->p_type == PT_LOAD ? load_segment(s, p, m, k)
				    : load_notes(s, p, found, &k->entry);
}

int elf_load(const struct source *s, const struct guest_memory *m, struct kernel *k)
{
	bool found = false;
	Elf64_Ehdr h;

	*k = (struct kernel){0};
	if (!inside(0, sizeof(h), s->size))
		return err_set("it is truncated: %llu bytes are no ELF file",
			       (unsigned long long)s->size);
	if (source_read(s, 0, &h, sizeof(h)) || check_header(&h, s->size))
		return -1;
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		Elf64_Phdr p;

		if (source_read(s, h.e_phoff + i * sizeof(p), &p, sizeof(p)) ||
		    load_header(s, &p, m, k, &found))
			return -1;
	}
	if (!found)
		return err_set(
			"it has no PVH entry: build the kernel with CONFIG_PVH=y (Debian's has it)");
	if (k->entry < KERNEL_LOWEST || k->entry >= k->end || !guest_ptr(m, k->entry, 1))
		return err_set("it is damaged: its entry 0x%x is not in what it loads",
			       k->entry);
	return 0;
}
