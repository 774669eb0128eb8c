/* What a VM can boot, and what noise it can make: see scenario.h. The guest's half of a kind of
 * noise is a line of scenarios/guest/tools/noise.cgi. */
#include "scenarios/run/scenario.h"

const struct scenario_image scenario_images[] = {
	{"nginx", "guest/initrd.img", "guest-image", "256M", false, false},
	{"net", "guest-tools/net.img", "guest-tools", "256M", true, false},
	{"bench", "guest-tools/bench.img", "guest-tools", "512M", true, true},
	{"worker", "guest-tools/worker.img", "guest-tools", "256M", false, false},
	{"store", "guest-tools/store.img", "guest-tools", "384M", false, false},
	{NULL},
};

const struct noise_kind noise_kinds[] = {
	{"spin", "processes that never sleep", 16, .help = "vCPU time"},
	{"cpu", "percent of a vCPU", 100, .stress = true, .help = "vCPU time, in parts"},
	{"cache", "processes", 16, .stress = true,
	 .help = "the last-level cache, read and written at random"},
	{"memory", "processes", 16, .stress = true, .help = "memory bandwidth, streamed"},
	{"timer", "timer interrupts a second", 100000, .stress = true,
	 .help = "a storm of timers: an exit to program each, an interrupt, an exit"},
	{"packets", "datagrams of 64 bytes a second", 1000000, .flows = true,
	 .help = "a flood of small packets"},
	{"stream", "Mbit/s of TCP", 100000, .flows = true, .help = "a bulk stream"},
	{"disk", "MB/s written", 10000, .stress = true, .disk = true,
	 .help = "a flood of writes to the VM's disk, through the VMM's I/O thread"},
	{NULL},
};
