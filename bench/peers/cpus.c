/* Which CPUs a system and its client run on: see cpus.h. */
#include "bench/peers/cpus.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SYSTEM_LEAST 3

static cpu_set_t client_cpus, system_cpus;
static bool known;

static void choose(void)
{
	int last = CPU_SETSIZE - 1;

	if (known)
		return;
	known = true;
	if (sched_getaffinity(0, sizeof(system_cpus), &system_cpus))
		CPU_SET(0, &system_cpus);
	while (last > 0 && !CPU_ISSET(last, &system_cpus))
		last--;
	CPU_SET(last, &client_cpus);
	if (CPU_COUNT(&system_cpus) > SYSTEM_LEAST)
		CPU_CLR(last, &system_cpus);
}

const cpu_set_t *cpus_client(void)
{
	choose();
	return &client_cpus;
}

const cpu_set_t *cpus_system(void)
{
	choose();
	return &system_cpus;
}

static json_t *list(const cpu_set_t *set)
{
	char text[4096] = "";

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		size_t n = strlen(text);

		if (CPU_ISSET(cpu, set))
			snprintf(text + n, sizeof(text) - n, "%s%d", n ? "," : "", cpu);
	}
	return json_string(text);
}

json_t *cpus_json(void)
{
	return json_pack("{s:o,s:o}", "client", list(cpus_client()), "system",
			 list(cpus_system()));
}
