/* The memory that the agent shares with the host: an ivshmem device's BAR, or a file. */
#ifndef STRATA_PROBES_AGENT_MEMORY_H
#define STRATA_PROBES_AGENT_MEMORY_H

#include <stddef.h>

struct memory {
	void *bytes;
	size_t size;
	char path[320];
};

/* Map BAR 2 of the first ivshmem-plain device under dir (normally /sys/bus/pci/devices). */
int memory_find(struct memory *m, const char *dir);

/* Map a file. Fails with a sentence, as above. */
int memory_open(struct memory *m, const char *path);

void memory_close(struct memory *m);

#endif
