/* Kernel threads and stolen time: see threads.h. */
#include "lib/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_ksoftirqd(const char *pid)
{
	static const char name[] = "ksoftirqd/";
	char path[64], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = '\0';
	fclose(f);
	return !strncmp(comm, name, strlen(name));
}

json_t *threads_ksoftirqd(void)
{
	json_t *tids = json_array();
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && is_ksoftirqd(e->d_name))
			json_array_append_new(tids, json_integer(atoi(e->d_name)));
	if (d)
		closedir(d);
	return tids;
}

uint64_t threads_steal_ms(void)
{
	FILE *f = fopen("/proc/stat", "re");
	uint64_t ticks = 0;
	long per_second = sysconf(_SC_CLK_TCK);

	if (!f)
		return 0;
	/* user nice system idle iowait irq softirq steal */
	if (fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &ticks) != 1)
		ticks = 0;
	fclose(f);
	return per_second > 0 ? ticks * 1000 / (uint64_t)per_second : 0;
}
