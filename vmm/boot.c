/* The start info of PVH and what hangs on it. */
#include "vmm/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define START_MAGIC 0x336ec578

enum { MAP_RAM = 1, MAP_RESERVED = 2 };

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, cmdline, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

struct module {
	uint64_t start, bytes, cmdline, reserved;
};

struct map_entry {
	uint64_t start, bytes;
	uint32_t type, reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "hvm_start_info, version 1");

static int put(const struct guest_memory *m, uint64_t at, const void *bytes, size_t size)
{
	if (guest_write(m, at, bytes, size))
		return err_set("the guest's %llu MiB of memory are too few to boot anything",
			       (unsigned long long)(m->bytes >> 20));
	return 0;
}

static int put_cmdline(const struct guest_memory *m, const char *more)
{
	char text[BOOT_CMDLINE_MAX];
	int n = snprintf(text, sizeof(text), "%s%s%s", BOOT_CMDLINE_DEFAULT, more ? " " : "",
			 more ? more : "");

	if (n >= (int)sizeof(text))
		return err_set("the kernel command line is %d bytes long, Linux takes %zu", n,
			       sizeof(text) - 1);
	return put(m, BOOT_CMDLINE, text, (size_t)n + 1);
}

/* As high as low memory goes: the kernel grows from below. */
static int put_initrd(const struct guest_memory *m, const struct kernel *k, const char *path,
		      struct module *mod)
{
	uint64_t low = m->region[0].bytes, start;
	struct source s;
	int ret;

	if (source_open(&s, path, "initrd"))
		return -1;
	start = s.size < low ? (low - s.size) & ~4095ULL : 0;
	if (start < k->end)
		ret = err_set(
			"initrd %s: %llu MiB do not fit beside the kernel into %llu MiB of memory; "
			"give it more with --memory",
			path, (unsigned long long)(s.size >> 20),
			(unsigned long long)(m->bytes >> 20));
	else
		ret = source_read(&s, 0, guest_ptr(m, start, s.size), s.size)
			      ? err_add("initrd %s", path)
			      : 0;
	source_close(&s);
	*mod = (struct module){.start = start, .bytes = s.size};
	return ret;
}

static int put_memory_map(const struct guest_memory *m, uint32_t *entries)
{
	struct map_entry map[4] = {
		{0, BOOT_LOW_END, MAP_RAM, 0},
		{BOOT_LOW_END, KERNEL_LOWEST - BOOT_LOW_END, MAP_RESERVED, 0},
		{KERNEL_LOWEST, m->region[0].bytes - KERNEL_LOWEST, MAP_RAM, 0},
		{m->region[1].start, m->region[1].bytes, MAP_RAM, 0},
	};

	*entries = m->regions == 2 ? 4 : 3;
	return put(m, BOOT_MEMORY_MAP, map, *entries * sizeof(map[0]));
}

int boot_prepare(const struct guest_memory *m, const struct kernel *k, const char *initrd,
		 const char *cmdline)
{
	struct start_info info = {
		.magic = START_MAGIC,
		.version = 1,
		.cmdline = BOOT_CMDLINE,
		.rsdp = BOOT_ACPI,
		.memory_map = BOOT_MEMORY_MAP,
	};
	struct module mod;

	if (m->bytes <= KERNEL_LOWEST)
		return err_set("the guest's memory is too small to boot anything");
	if (initrd) {
		if (put_initrd(m, k, initrd, &mod) || put(m, BOOT_MODULES, &mod, sizeof(mod)))
			return -1;
		info.modules = 1;
		info.module_list = BOOT_MODULES;
	}
	if (put_cmdline(m, cmdline) || put_memory_map(m, &info.memory_map_entries))
		return -1;
	return put(m, BOOT_START_INFO, &info, sizeof(info));
}
