/*
 * Which interrupt lines bring a network device's packets. Drivers name them after the
 * interface ("eth0", "eth0-rx-0", "enp1s0-TxRx-3") or after the virtio device
 * ("virtio0-input.0"); shared lines list several names with commas between.
 */
#include "probes/irqs.h"

#include <ctype.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool irqs_name_matches(const char *irq_name, const char *device)
{
	static const char *const others[] = {"output", "config", "control", "-tx"};
	size_t n = strlen(device);

	if (!n || strncmp(irq_name, device, n) || isalnum((unsigned char)irq_name[n]))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strstr(irq_name + n, others[i]))
			return false;
	return true;
}

/* "vfio-msix[2](0000:01:00.0)"; a line, "vfio-intx(...)", is passed on by a worker, later. */
bool irqs_passed_matches(const char *irq_name, const char *address)
{
	const char *at = strchr(irq_name, '(');
	size_t n = strlen(address);

	return !strncmp(irq_name, "vfio-msi", 8) && at && !strncmp(at + 1, address, n) &&
	       at[1 + n] == ')';
}

static bool line_matches(char *line, bool (*matches)(const char *, const char *),
			 const char *const *names, unsigned int count)
{
	char *save = NULL;

	for (char *word = strtok_r(line, " ,\t\n", &save); word;
	     word = strtok_r(NULL, " ,\t\n", &save))
		for (unsigned int i = 0; i < count; i++)
			if (matches(word, names[i]))
				return true;
	return false;
}

int irqs_scan(FILE *f, bool (*matches)(const char *irq_name, const char *name),
	      const char *const *names, unsigned int count,
	      void (*add)(void *ctx, unsigned int irq), void *ctx)
{
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	while (getline(&line, &size, f) > 0) {
		char *end;
		unsigned long irq = strtoul(line, &end, 10);

		if (end == line || *end != ':' || irq > UINT_MAX)
			continue;
		if (line_matches(end + 1, matches, names, count)) {
			add(ctx, (unsigned int)irq);
			found++;
		}
	}
	free(line);
	return found;
}

void irqs_bus_name(const char *ifname, char *out, size_t bytes)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", ifname);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	const char *name = n > 0 ? basename(target) : "";

	snprintf(out, bytes, "%s", strncmp(name, "virtio", 6) ? "" : name);
}
