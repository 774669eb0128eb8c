/* A process's private memory beyond the guest's: see own_memory.h. */
#include "lib/own_memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

int64_t own_memory(pid_t pid, uint64_t guest_bytes)
{
	char path[40], line[512];
	uint64_t total = 0, start, end, kib;
	bool guest = false;
	FILE *f;

	snprintf(path, sizeof(path), pid ? "/proc/%d/smaps" : "/proc/self/smaps", pid);
	f = fopen(path, "re");
	if (!f)
		return err_errno("%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			guest = end - start >= guest_bytes;
		else if (!guest && (sscanf(line, "Private_Clean: %" SCNu64, &kib) == 1 ||
				    sscanf(line, "Private_Dirty: %" SCNu64, &kib) == 1))
			total += kib << 10;
	}
	fclose(f);
	return (int64_t)total;
}
