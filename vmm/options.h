/*
 * The command line: a table of settings, and one option per device type, whose settings come
 * from the device's descriptor.
 */
#ifndef STRATA_VMM_OPTIONS_H
#define STRATA_VMM_OPTIONS_H

#include <stdio.h>

#include "vmm/device.h"

#define OPTIONS_DEVICES_MAX 30 /* PCI slots but the host bridge's, and then some */
#define OPTIONS_CPUS_MAX    64
#define OPTIONS_MEMORY_MAX  (256ULL << 30)

struct options {
	const char *kernel, *initrd, *cmdline, *name, *control, *trace_ring;
	const char *ask; /* be a client of this control socket instead */
	const char *request;
	uint64_t memory_bytes;
	uint64_t huge_bytes; /* of a page; 0: ordinary ones */
	uint64_t cpus;
	bool help;
	struct option_device {
		const struct device_type *type;
		struct arguments arguments;
	} device[OPTIONS_DEVICES_MAX];
	int devices;
};

/* -1 with a sentence: wrong usage. Strings are argv's own. */
int options_parse(struct options *o, int argc, char *const argv[]);
void options_free(struct options *o);

void options_help(FILE *out);

#endif
