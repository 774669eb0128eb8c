/* The monitors that are compared: see monitor.h. */
#include "bench/peers/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"

#define QEMU_BASE                                                                        \
	"-nodefaults -no-user-config -no-reboot -display none -monitor none -accel kvm " \
	"-cpu host -m {memory} -smp {cpus} -kernel {kernel} -initrd {initrd} "           \
	"-append {append} -serial file:{console} "
#define QEMU_TAP "-netdev tap,id=n,ifname={tap},script=no,downscript=no,vhost="
#define QEMU_DISK \
	" -drive file={disk},if=none,id=d,format=raw,cache=writeback,aio=io_uring -device "

const struct monitor monitors[] = {
	{
		.name = "strata",
		.program = "strata-vmm",
		.words = "--name peer --kernel {kernel} --initrd {initrd} --memory {memory}M "
			 "--cpus {cpus} --console file={console} --cmdline {append}",
		.mode =
			{
				{"none", "", NULL},
				{"emulated",
				 "--net mode=e1000,tap={tap},mac={mac} --disk mode=nvme,file={disk}",
				 NULL},
				{"virtio",
				 "--net mode=virtio,tap={tap},mac={mac} --disk mode=virtio,file={disk}",
				 NULL},
				{"vhost",
				 "--net mode=vhost,tap={tap},mac={mac} --disk mode=virtio,file={disk}",
				 "/dev/vhost-net"},
			},
	},
	{
		.name = "qemu-q35",
		.program = "qemu-system-x86_64",
		.version = "--version",
		.words = QEMU_BASE "-machine q35",
		.mode =
			{
				{"none", "", NULL},
				{"emulated",
				 QEMU_TAP
				 "off -device e1000,netdev=n,mac={mac},romfile=" QEMU_DISK
				 "nvme,drive=d,serial=peer",
				 NULL},
				{"virtio",
				 QEMU_TAP
				 "off -device virtio-net-pci,netdev=n,mac={mac},romfile=" QEMU_DISK
				 "virtio-blk-pci,drive=d",
				 NULL},
				{"vhost",
				 QEMU_TAP
				 "on -device virtio-net-pci,netdev=n,mac={mac},romfile=" QEMU_DISK
				 "virtio-blk-pci,drive=d",
				 "/dev/vhost-net"},
			},
	},
	{
		.name = "qemu-microvm",
		.program = "qemu-system-x86_64",
		.version = "--version",
		.words = QEMU_BASE "-machine microvm,acpi=on,rtc=on",
		.mode = {{"none", "", NULL}},
	},
};

const unsigned int monitor_count = sizeof(monitors) / sizeof(monitors[0]);

static int find_program(const struct monitor *m, char *path, size_t bytes)
{
	const char *from = getenv("PATH");

	if (!m->version)
		return path_program(path, bytes, m->program);
	while (from && *from) {
		size_t n = strcspn(from, ":");

		snprintf(path, bytes, "%.*s/%s", (int)n, from, m->program);
		if (!access(path, X_OK))
			return 0;
		from += n + (from[n] == ':');
	}
	return err_set("%s is not installed", m->program);
}

const char *monitor_missing(const struct monitor *m, const struct monitor_mode *mode)
{
	static char why[200];
	char path[PATH_MAX];

	if (find_program(m, path, sizeof(path))) {
		snprintf(why, sizeof(why), "%s", err_text());
		return why;
	}
	if (!mode->needs || !access(mode->needs, R_OK | W_OK))
		return NULL;
	snprintf(why, sizeof(why), "%s cannot be opened", mode->needs);
	return why;
}

static const char *value_of(const struct plan *p, const char *name, size_t length,
			    char number[12])
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{"kernel", p->kernel}, {"initrd", p->initrd},   {"append", p->append},
		{"disk", p->disk},     {"console", p->console}, {"control", p->control},
		{"tap", p->tap},       {"mac", p->mac},         {"memory", NULL},
		{"cpus", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].name) != length || strncmp(rows[i].name, name, length))
			continue;
		if (rows[i].value)
			return rows[i].value;
		snprintf(number, 12, "%u", *name == 'm' ? p->memory_mib : p->cpus);
		return number;
	}
	return "";
}

/* One word with its placeholders filled in. */
static void expand(struct words *w, const struct plan *p, const char *word, size_t length)
{
	char text[2 * PATH_MAX] = "", number[12];
	size_t n = 0;

	for (size_t i = 0; i < length && n < sizeof(text) - 1; i++) {
		size_t end = word[i] == '{' ? strcspn(word + i, "}") : 0;

		if (!end) {
			text[n++] = word[i];
			continue;
		}
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
				      value_of(p, word + i + 1, end - 1, number));
		i += end;
	}
	text[n < sizeof(text) ? n : sizeof(text) - 1] = '\0';
	words_add(w, "%s", text);
}

static void expand_all(struct words *w, const struct plan *p, const char *words)
{
	while (*(words += strspn(words, " "))) {
		size_t length = strcspn(words, " ");

		expand(w, p, words, length);
		words += length;
	}
}

int monitor_command(const struct monitor *m, const struct monitor_mode *mode,
		    const struct plan *p, struct words *w)
{
	char path[PATH_MAX];

	if (find_program(m, path, sizeof(path)))
		return -1;
	words_add(w, "%s", path);
	expand_all(w, p, m->words);
	expand_all(w, p, mode->words);
	return 0;
}
