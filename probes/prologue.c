/*
 * Where in a function's first instructions a uprobe is cheapest.
 *
 * A uprobe is a breakpoint. The kernel then emulates the instruction that it replaced if it is
 * a push, a nop or a branch (arch/x86/kernel/uprobes.c); any other one it copies aside and
 * single-steps, which costs a second exception. Two instructions that compilers put before
 * such a one, and that leave the arguments alone, are stepped over.
 */
#include "probes/prologue.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool is_emulated(const unsigned char *code, size_t bytes)
{
	if (bytes >= 2 && code[0] == 0x41)
		return (code[1] & 0xf8) == 0x50; /* push %r8 to %r15 */
	return bytes >= 2 &&
	       ((code[0] & 0xf8) == 0x50 || /* push */
		(code[0] & 0xf0) == 0x70 || /* short conditional jump */
		code[0] == 0x90 || code[0] == 0xe8 || code[0] == 0xe9 || code[0] == 0xeb);
}

size_t prologue_cheapest(const unsigned char *code, size_t bytes)
{
	static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	static const unsigned char cmpb_rdi[] = {0x80, 0xbf}; /* cmpb $imm8, disp32(%rdi) */
	const size_t cmpb_bytes = 7;
	size_t at = 0;

	if (bytes >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)))
		at += sizeof(endbr64);
	if (bytes >= at + cmpb_bytes && !memcmp(code + at, cmpb_rdi, sizeof(cmpb_rdi)))
		at += cmpb_bytes;
	return is_emulated(code + at, bytes - at) ? at : 0;
}

/* The function's address in one symbol table; 0 if it is not there. */
static GElf_Addr symbol_in(Elf *elf, Elf_Scn *section, const char *function)
{
	GElf_Shdr header;
	Elf_Data *data = elf_getdata(section, NULL);

	if (!gelf_getshdr(section, &header) || !data || !header.sh_entsize)
		return 0;
	for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol) ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC || !symbol.st_value)
			continue;
		name = elf_strptr(elf, header.sh_link, symbol.st_name);
		if (name && !strcmp(name, function))
			return symbol.st_value;
	}
	return 0;
}

static GElf_Addr symbol_address(Elf *elf, const char *function)
{
	GElf_Addr address = 0;
	Elf_Scn *section = NULL;

	while (!address && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB))
			address = symbol_in(elf, section, function);
	}
	return address;
}

/* Read what will stand at that address. */
static size_t read_code(Elf *elf, int fd, GElf_Addr address, unsigned char *code)
{
	size_t n = 0;

	if (elf_getphdrnum(elf, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		ssize_t got;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD ||
		    address < p.p_vaddr || address >= p.p_vaddr + p.p_filesz)
			continue;
		got = pread(fd, code, PROLOGUE_BYTES,
			    (off_t)(address - p.p_vaddr + p.p_offset));
		return got > 0 ? (size_t)got : 0;
	}
	return 0;
}

ssize_t prologue_of(const char *path, const char *function)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char code[PROLOGUE_BYTES];
	ssize_t at = -1;
	GElf_Addr address;
	Elf *elf;

	if (fd < 0)
		return -1;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	address = elf ? symbol_address(elf, function) : 0;
	if (address)
		at = (ssize_t)prologue_cheapest(code, read_code(elf, fd, address, code));
	elf_end(elf);
	close(fd);
	return at;
}
