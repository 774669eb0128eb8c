/*
 * A guest's side of the 82540EM, small, for tests and fuzzers: memory, rings in it, a socket
 * pair in place of the tap, and the I/O loop's work done when it is asked for.
 */
#ifndef STRATA_TESTS_CARD_H
#define STRATA_TESTS_CARD_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/vmm/driver.h"
#include "vmm/e1000/e1000.h"

#define CARD_RING   16 /* descriptors */
#define CARD_BUFFER 2048

struct card {
	struct driver driver;
	struct loop *loop;
	struct trace trace;
	struct e1000 e;
	int wire; /* our end of the socket pair */
	uint64_t rx_gpa, tx_gpa, buffers_gpa;
	struct rx_descriptor *rx;
	struct tx_descriptor *tx;
	uint32_t tx_tail;
};

void card_make(struct card *c);
void card_free(struct card *c);

uint32_t card_get(struct card *c, unsigned int reg);
void card_set(struct card *c, unsigned int reg, uint32_t value);

/* Both rings programmed, of CARD_RING descriptors each, without receive buffers; all enabled.
 */
void card_start(struct card *c);

/* Give so many receive buffers from descriptor 0 on. */
void card_offer(struct card *c, unsigned int count);

/* Put a descriptor at the transmit ring's tail, without telling the card. */
void card_put(struct card *c, uint64_t address, uint32_t lower, uint32_t upper);
void card_kick(struct card *c);

/* Have the bytes in guest memory; returns where. */
uint64_t card_place(struct card *c, const void *bytes, size_t count);

/* What went out last, with its header; how many bytes of frame, or -1 if nothing did. */
int card_sent(struct card *c, struct virtio_net_hdr_v1 *header, uint8_t *frame, size_t max);

/* A frame arrives on the wire, and the I/O loop finds it. */
void card_arrive(struct card *c, uint8_t flags, const void *frame, size_t bytes);

/* The I/O loop looks at bell and tap. */
void card_turn(struct card *c);

#endif
