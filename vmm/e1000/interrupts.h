/*
 * When the card asserts its interrupt: causes and their mask, the delays of receive and
 * transmit interrupts (RDTR, RADV, TIDV, TADV) and the throttle that keeps interrupts apart
 * (ITR), as functions of time alone. 8254x manual, 3.2.7, 3.4.3.1, 13.4.17 to 13.4.21.
 *
 * Threading: none of its own. Times are nanoseconds of any one clock that is never 0.
 */
#ifndef STRATA_VMM_E1000_INTERRUPTS_H
#define STRATA_VMM_E1000_INTERRUPTS_H

#include <stdbool.h>
#include <stdint.h>

#define ITR_UNIT_NS   256
#define DELAY_UNIT_NS 1024

/* A cause that waits for more of its kind: until none came for packet_ns, absolute_ns at most.
 */
struct interrupt_delay {
	uint32_t cause;
	uint64_t packet_ns;      /* 0: no delay */
	uint64_t absolute_ns;    /* 0: no limit */
	uint64_t packet_expires; /* 0: nothing waits */
	uint64_t absolute_expires;
};

struct interrupts {
	uint32_t causes;      /* ICR */
	uint32_t enabled;     /* IMS */
	uint64_t interval_ns; /* ITR */
	uint64_t quiet_until; /* not asserted again before */
	bool asserted;
	bool throttled; /* a cause waits for quiet_until */
	struct interrupt_delay rx, tx;

	/* counters */
	uint64_t raised, throttles;
};

void interrupts_init(struct interrupts *i);

/* Something happened that the cause of d is for. */
void interrupts_event(struct interrupts *i, struct interrupt_delay *d, uint64_t now);

/* A waiting cause comes true now. */
void interrupts_flush(struct interrupts *i, struct interrupt_delay *d);

/* What ICR reads, which clears it. */
uint32_t interrupts_take(struct interrupts *i);

/* Set asserted to what it is to be now; returns when to ask again though nothing happens, or 0.
 */
uint64_t interrupts_step(struct interrupts *i, uint64_t now);

#endif
