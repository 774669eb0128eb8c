/* A judge of qcow2 files that shares no code with vmm/block but the reading of the header. */
#ifndef STRATA_TESTS_UNIT_VMM_QCOW2_CHECK_H
#define STRATA_TESTS_UNIT_VMM_QCOW2_CHECK_H

#include <stdint.h>

struct qcow2_check {
	unsigned int errors; /* a use that is not counted, a flag that lies, a place outside */
	unsigned int lost;   /* clusters that are counted and not used */
	uint64_t data;       /* clusters of the guest */
};

/* Images without snapshots. Errors are printed, as comments. */
struct qcow2_check qcow2_check(const char *path);

#endif
