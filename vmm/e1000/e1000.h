/*
 * An Intel 82540EM: what its parts share. device.c is the row of the device table, access.c
 * and registers.c what vCPUs reach, rx.c and tx.c the two ways between the guest's rings and
 * the tap.
 *
 * Threading: frames are received on the machine's I/O loop; register accesses run on vCPU
 * threads. A kick is a write to TDT, which carries the ring's new tail and so exits to us;
 * frames are sent by the vCPU that wrote it or by the loop, see tx.c. Locks, in this order:
 *
 *     rx_lock   the receive ring, and all that receiving goes by
 *     tx_lock   the transmit ring, and all that sending goes by
 *     irq_lock  causes, mask, the level of the interrupt line
 *
 * A register that is not written for every packet is read and written with the first two held.
 * What the loop watches (the tap, the timer) changes on the loop's thread alone: others change
 * state and ring the bell.
 */
#ifndef STRATA_VMM_E1000_H
#define STRATA_VMM_E1000_H

#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/e1000/eeprom.h"
#include "vmm/e1000/interrupts.h"
#include "vmm/e1000/phy.h"
#include "vmm/e1000/regs.h"
#include "vmm/e1000/statistics.h"
#include "vmm/limit.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/net/link.h"
#include "vmm/pci.h"
#include "vmm/trace.h"

#define E1000_HEADER    sizeof(struct virtio_net_hdr_v1)
#define E1000_FCS       4
#define E1000_FRAME_MAX 16288 /* 3.2.2, 3.3: as long as a frame may be without segmentation */
#define E1000_TAP_MAX   65550 /* more than a tap without offloads hands over */
#define E1000_IOVS_MAX  256   /* pieces of a frame to send */
#define E1000_HEAD_MAX  264   /* of a frame's head, when it has to be changed */

/* A ring of descriptors in guest memory. */
struct e1000_ring {
	void *descriptors; /* NULL: not set up, or not in memory */
	uint32_t size;     /* how many */
	uint32_t head;     /* the next that is ours */
	uint32_t tail;     /* the first that is not; a vCPU may move it at any time */
};

struct e1000_rx {
	struct e1000_ring ring;
	struct loop_source tap;
	uint32_t polled; /* what the loop watches the tap for, EPOLL bits */
	bool starved;    /* no descriptors: the tap is not read until RDT moves */
	bool limited;    /* out of tokens: the tap is not read until resumed */
	size_t held;     /* bytes of the frame that is on its way, or 0 */
	bool hashed;     /* it passed by the multicast hash */
	int lane;        /* of the trace ring */
	uint8_t buffer[E1000_HEADER + E1000_TAP_MAX + E1000_FCS];

	/* counters */
	uint64_t frames, bytes, descriptors, starvations, filtered, dropped, bad_descriptors;
};

/* A context descriptor's settings: 3.3.6. */
struct e1000_context {
	uint8_t ip_start, ip_offset, l4_start, l4_offset, header;
	uint16_t ip_end, l4_end, mss;
	bool ipv4, tcp;
};

/* A frame to send, gathered from its descriptors. */
struct e1000_packet {
	struct iovec iov[E1000_IOVS_MAX];
	unsigned int iovs;
	size_t bytes;
	bool segment, extended;
	uint32_t lower, upper; /* of its last descriptor */
	uint32_t options;      /* IXSM and TXSM, from its first */
	struct virtio_net_hdr_v1 header;
	uint8_t head[E1000_HEAD_MAX];
	size_t head_bytes; /* so many of its bytes are in head, or 0 */
	size_t replaced;   /* ... in place of so many of iov's */
};

struct e1000_tx {
	struct e1000_ring ring;
	bool blocked; /* the tap was full */
	bool owed;    /* the loop has been asked to send */
	struct e1000_context plain, segmented;
	struct e1000_packet packet;
	int lane;

	/* counters */
	uint64_t frames, bytes, descriptors, segmented_frames, checksums, tagged, blocks,
		dropped, bad_descriptors;
};

struct e1000 {
	struct pci_device pci;
	const struct guest_memory *memory;
	struct loop *loop;
	struct trace *trace;
	struct net_link link;
	char name[32];
	int fd; /* the tap */
	bool tap_gone;

	uint32_t reg[REGS_BYTES / 4];
	uint32_t io_address; /* of the window in BAR 1 */
	struct eeprom eeprom;
	struct phy phy;
	struct statistics statistics;
	struct limits limits;

	pthread_mutex_t rx_lock, tx_lock, irq_lock;
	struct e1000_rx rx;
	struct e1000_tx tx;
	struct interrupts irq;
	bool line; /* the level of the PCI line */
	struct loop_source bell, timer;
	uint64_t timer_at; /* when the timer goes off, 0: it is not set */

	/* counters */
	uint64_t register_reads, register_writes, odd_accesses, kicks, bad_tails, resets;
};

/*
 * Set the card up over fd, a tap that carries frames with virtio-net headers, apart from any
 * bus; e->link has its address. Takes fd over. Fails with a sentence; undo by e1000_destroy().
 */
int e1000_init(struct e1000 *e, int fd, struct loop *loop, const struct guest_memory *m,
	       struct trace *trace);
void e1000_destroy(struct e1000 *e);

/* What a vCPU does to BAR 0. */
uint64_t e1000_read(struct e1000 *e, uint64_t offset, unsigned int size);
void e1000_write(struct e1000 *e, uint64_t offset, uint64_t value, unsigned int size);

/* ... and to BAR 1: IOADDR and IODATA (13.4.1, "I/O-mapped"). */
uint64_t e1000_io_read(struct e1000 *e, uint64_t offset, unsigned int size);
void e1000_io_write(struct e1000 *e, uint64_t offset, uint64_t value, unsigned int size);

/* A whole reset: registers as after power-on. Both ring locks held. */
void e1000_reset(struct e1000 *e);

/* RCTL.UPE is about to change: a macvtap holds back what is not for the guest, unless asked. */
void e1000_set_promiscuous(struct e1000 *e, bool on);

/* Have the loop look at the card. */
void e1000_ring_bell(struct e1000 *e);

/* The tap cannot be read any more: the link is down for good. On the loop. */
void e1000_tap_gone(struct e1000 *e);

static inline uint32_t e1000_reg(const struct e1000 *e, unsigned int offset)
{
	return __atomic_load_n(&e->reg[offset / 4], __ATOMIC_RELAXED);
}

static inline void e1000_store(struct e1000 *e, unsigned int offset, uint32_t value)
{
	__atomic_store_n(&e->reg[offset / 4], value, __ATOMIC_RELAXED);
}

/* A counter that several vCPUs may count at once. */
static inline void e1000_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* ---- interrupts (irq.c); take irq_lock ---- */

void irq_raise(struct e1000 *e, uint32_t causes);
void irq_event(struct e1000 *e, struct interrupt_delay *d, uint32_t causes);
void irq_flush(struct e1000 *e, struct interrupt_delay *d);
uint32_t irq_take(struct e1000 *e);
void irq_clear(struct e1000 *e, uint32_t causes);
void irq_enable(struct e1000 *e, uint32_t causes);
void irq_disable(struct e1000 *e, uint32_t causes);
void irq_configure(struct e1000 *e); /* ITR, RDTR, RADV, TIDV, TADV have changed */
void irq_reset(struct e1000 *e);
void irq_timer(struct e1000 *e);

/* ---- rings (ring.c) ---- */

/* Base and length are in four registers from base_low on. */
void ring_configure(struct e1000_ring *r, const struct e1000 *e, unsigned int base_low);

/* How many descriptors are ours; 0 if the ring cannot be used. */
uint32_t ring_available(const struct e1000_ring *r);

static inline uint32_t ring_next(const struct e1000_ring *r, uint32_t index)
{
	return index + 1 < r->size ? index + 1 : 0;
}

/* ---- the two directions ---- */

/* The tap has frames. On the loop. */
void rx_run(struct e1000 *e);

/* What receiving goes by has changed, RDT for one. On the loop. */
void rx_look_again(struct e1000 *e);

/* Send what is in the ring. Any thread; takes tx_lock. */
void tx_run(struct e1000 *e);

/* ---- what a descriptor asks for, for the host's stack to do (offload.c) ---- */

void context_parse(struct e1000_context *c, const struct tx_descriptor *d);

/* Fill in the packet's header, and its head where that changes. False: it makes no sense. */
bool offload_prepare(struct e1000_packet *p, const struct e1000_context *c, bool tag,
		     uint16_t tag_type);

#endif
