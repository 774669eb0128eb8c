/* What the testbed machine consists of, as QEMU's arguments. */
#ifndef STRATA_TESTBED_HARDWARE_H
#define STRATA_TESTBED_HARDWARE_H

#include "scenarios/testbed/machine.h"
#include "scenarios/testbed/qemu.h"

#define HARDWARE_ARGS_MAX 128

struct hardware {
	char *argv[HARDWARE_ARGS_MAX + 1]; /* ends with NULL */
	int argc;
	int disk; /* descriptor of the NVMe drive's contents, for QEMU to inherit */
};

/* port and console are descriptors that QEMU is to inherit. -1 with a sentence. */
int hardware_make(struct hardware *h, const struct machine_config *c, const struct qemu *q,
		  int port, int console);
void hardware_free(struct hardware *h);

#endif
