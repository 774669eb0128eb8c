/*
 * Fuzzes the values of settings, as people and scenario files write them: whatever is taken is
 * within bounds, and a list of CPUs that was taken reads the same when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/remedies/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cpus(const char *text)
{
	char again[16384];
	cpu_set_t set, same;

	if (value_cpus(text, &set))
		return;
	cpus_text(&set, again, sizeof(again));
	if (!CPU_COUNT(&set) || value_cpus(again, &same) || !CPU_EQUAL(&set, &same))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[512];
	size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	int cpu[PINS_MAX], pins;
	long long quota, period;
	struct io_limits io;
	unsigned int weight;
	struct rate rate;
	uint64_t number;

	memcpy(text, data, n);
	text[n] = '\0';
	cpus(text);
	pins = value_pins(text, cpu);
	for (int i = 0; i < pins; i++)
		if (cpu[i] < 0 || cpu[i] >= CPU_SETSIZE)
			abort();
	if (!value_cpu_max(text, &quota, &period) && (quota == 0 || period < 1000))
		abort();
	if (!value_weight(text, &weight) && (weight < 1 || weight > 10000))
		abort();
	if (!value_rate(text, &rate) && !rate.bytes)
		abort();
	if (!value_io(text, &io) && strlen(io.device) >= sizeof(io.device))
		abort();
	if (!value_mask(text, &number) && !number)
		abort();
	value_bytes(text, &number);
	return 0;
}
