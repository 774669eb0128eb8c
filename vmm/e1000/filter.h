/*
 * Which frames the card takes in: its own addresses, the multicast hash, broadcast, promiscuity
 * and VLANs, by its registers. 8254x manual, 3.2.1, 9, 13.4.22, 13.5.
 *
 * Threading: the caller keeps the registers from changing.
 */
#ifndef STRATA_VMM_E1000_FILTER_H
#define STRATA_VMM_E1000_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_verdict {
	FILTER_DROP,
	FILTER_EXACT,
	FILTER_HASHED, /* by the multicast hash: the driver has to look itself */
};

/* Does the frame (of at least 14 bytes) bear a tag of the type in VET? */
bool filter_tagged(const uint32_t *reg, const uint8_t *frame, size_t bytes);

/* reg: the register file, by word. */
enum filter_verdict filter_frame(const uint32_t *reg, const uint8_t *frame, size_t bytes);

#endif
