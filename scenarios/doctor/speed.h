/* Does KVM run guest kernel code at speed? A tiny guest is run, and timed against ourselves. */
#ifndef STRATA_DOCTOR_SPEED_H
#define STRATA_DOCTOR_SPEED_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The loop in the guest, compared with the same loop run natively. Hardware (nested too) runs
 * it as fast, give or take a factor of two; an interpreter takes 100 to 1000 times as long. A
 * KVM slower than a twentieth of native interprets.
 */
#define SPEED_RATIO_MIN (1.0 / 20)

enum speed_verdict {
	SPEED_ABSENT,     /* no KVM, or none for us */
	SPEED_INTERPRETS, /* too slow, or it lacks instructions */
	SPEED_FULL,
};

struct speed {
	enum speed_verdict verdict;
	bool measured;       /* the loop ran; else why says what happened */
	double guest_ips;    /* instructions per second */
	double native_ips;   /* of the same loop */
	uint64_t exit_ns;    /* a port I/O exit, there and back: the median */
	const char *lacking; /* the first instruction that did not work; NULL if all do */
	char why[256];
};

/* "absent", "interprets", "runs guest code at speed" */
const char *speed_verdict_name(enum speed_verdict v);

/* Measured at the first call. */
const struct speed *kvm_speed(void);

#endif
