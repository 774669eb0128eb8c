/*
 * The emulated disk: an NVMe controller that a guest's stock driver takes unmodified, with one
 * namespace over an image. NVMe rather than AHCI because the disk of passthrough mode is an
 * NVMe controller too: the guest runs the same driver in both, and only the mode differs.
 *
 * registers.c is what the guest sees in BAR 0; queue.c the rings, turn.c how long they are
 * served at a time; admin.c, identify.c, features.c and log.c the admin commands; io.c those
 * that move data; prp.c finds the data; device.c makes the whole from an option. Section
 * numbers are those of NVMe 1.4.
 *
 * Doorbells carry a value (a ring's new tail or head), so each costs an exit to this process,
 * unless the driver gives us its shadow doorbells (5.7; Linux does): then the value lies in
 * guest memory, KVM signals an eventfd for what little is still written to BAR 0, and the event
 * index tells the driver when not to write at all.
 *
 * Threading: everything runs on the I/O loop but for register accesses, which run on vCPU
 * threads: they take nvme->lock (the I/O thread never does), read atomics, and have the I/O
 * thread do what changes the controller's state (loop_call). A doorbell's write takes no lock.
 */
#ifndef STRATA_VMM_NVME_NVME_H
#define STRATA_VMM_NVME_NVME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/block/disk.h"
#include "vmm/coalesce.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/nvme/spec.h"
#include "vmm/pci.h"

#define NVME_QUEUES_MAX     64   /* pairs for I/O, beside the admin pair */
#define NVME_ENTRIES_MAX    1024 /* of an I/O queue */
#define NVME_MDTS           7    /* the longest transfer: 2^7 pages */
#define NVME_TRANSFER_MAX   (NVME_PAGE_BYTES << NVME_MDTS)
#define NVME_TRANSFER_PAGES ((1U << NVME_MDTS) + 1) /* if it starts within a page */
#define NVME_COMMANDS_MAX   1024                    /* in flight, of all queues */
#define NVME_EVENT_REQUESTS 4
#define NVME_ERRORS_MAX     16   /* that the error log holds */
#define NVME_ADMIN_COMMANDS 0x80 /* opcodes from 0 that we look at */
#define NVME_IO_COMMANDS    0x10
#define NVME_SERIAL_BYTES   20
#define NVME_TEMPERATURE    300 /* kelvins: a disk of no substance is at room temperature */
#define NVME_NAMESPACE      1

#define NVME_BAR_REGISTERS 0
#define NVME_BAR_MSIX      4

/* What a command's function returns when its completion comes later. */
#define NVME_PENDING 0xffff

struct nvme;
struct nvme_pair;

/* A completion queue. */
struct nvme_cq {
	uint8_t *ring; /* host address; NULL: there is no such queue */
	uint32_t size, head, tail;
	uint32_t reserved; /* slots for commands that were fetched */
	uint32_t held;     /* entries posted since the last interrupt, and maybe taken */
	uint16_t phase;
	uint16_t vector;
	bool interrupts;
	bool starved;            /* a submission queue waits for room */
	_Atomic bool wants_head; /* a write of its head doorbell must wake the I/O thread */
	uint64_t completions, signals, signals_saved, full;
};

/* A submission queue. */
struct nvme_sq {
	const uint8_t *ring; /* host address; NULL: there is no such queue */
	uint32_t size, head, tail;
	struct nvme_pair *completions;
	uint64_t commands, found; /* found: had work when we looked, without a doorbell */
};

struct nvme_turn {
	unsigned int left;     /* commands that may be begun yet */
	unsigned int commands; /* begun, and not yet in the usual gap */
};

/* The two queues of one number, and their doorbells. */
struct nvme_pair {
	struct nvme *nvme;
	unsigned int id;
	struct nvme_sq sq;
	struct nvme_cq cq;

	_Atomic uint32_t tail_written, head_written; /* by vCPUs, into BAR 0 */
	uint32_t *shadow;      /* tail and head in guest memory, or NULL */
	uint32_t *event_index; /* the same: when to write BAR 0 as well */
	struct coalesce look;  /* for commands before they are announced; see turn.c */

	int kick_fd;
	struct loop_source kick_source;
	_Atomic bool
		rung; /* kick_fd has been signalled by us, the I/O thread has yet to look */
	uint64_t kicks;
};

struct nvme_command {
	struct nvme *nvme;
	struct nvme_pair *pair; /* of its submission queue */
	struct nvme_sqe sqe;
	uint32_t result;
	struct nvme_range *ranges;
	unsigned int range, range_count;
	struct disk_request request;
	struct nvme_command *next; /* of those that are free */
	struct iovec iov[NVME_TRANSFER_PAGES];
};

/* 5.14.1.1 */
struct nvme_error {
	uint64_t number;
	uint16_t sq_id, cid, status, parameter;
	uint64_t lba;
	uint32_t nsid;
	uint8_t rest[36];
};
_Static_assert(sizeof(struct nvme_error) == 64, "5.14.1.1");

struct nvme {
	struct pci_device pci;
	struct disk *disk;
	const struct guest_memory *memory;
	struct loop *loop;
	char name[64];
	char serial[NVME_SERIAL_BYTES + 1];
	uint8_t uuid[16];
	unsigned int block_shift; /* a logical block is 1 << block_shift bytes */
	uint64_t blocks;
	unsigned int queue_count; /* I/O pairs */

	/* registers: written on vCPU threads under lock, while nothing of the I/O thread reads
	 * them, but for csts and masked */
	pthread_mutex_t lock;
	uint32_t cc, aqa;
	bool enabled; /* as CC.EN was when it was last looked at; the I/O thread's */
	uint64_t asq, acq;
	_Atomic uint32_t csts;
	_Atomic uint32_t masked;       /* INTMS less INTMC */
	_Atomic bool unknown_doorbell; /* one was written that no queue of ours has */

	/* the I/O thread's */
	struct nvme_pair pair[1 + NVME_QUEUES_MAX];
	struct nvme_command *free; /* commands made and not in use */
	unsigned int made;
	bool out_of_commands; /* a queue waits for one */
	bool holding;         /* interrupts, until a turn's end */
	bool pin;             /* MSI-X is off: interrupts by INTA# */
	uint32_t feature[NVME_FEATURES];
	uint32_t threshold_under; /* of temperature; feature[] has the one over */
	bool no_coalescing[1 + NVME_QUEUES_MAX]; /* by vector */
	uint16_t event_cid[NVME_EVENT_REQUESTS]; /* requests held for events to come */
	unsigned int event_requests;
	unsigned int events_pending, events_masked; /* bits by enum nvme_event */
	struct nvme_error error[NVME_ERRORS_MAX];
	uint64_t errors; /* completions with an error, as numbered in the log */
	struct disk_request shutdown;

	/* counters */
	uint64_t admin_commands[NVME_ADMIN_COMMANDS], io_commands[NVME_IO_COMMANDS];
	uint64_t unknown_commands;
	uint64_t read_blocks, written_blocks;
	uint64_t bad_doorbells, fatal, resets, events_sent;
	uint64_t doorbell_exits; /* by vCPUs */
};

/* ---- registers.c ---- */

/* The guest's accesses to BAR 0. */
uint64_t nvme_read(struct nvme *n, uint64_t offset, unsigned int size);
void nvme_write(struct nvme *n, uint64_t offset, uint64_t value, unsigned int size);

/* The guest broke what commands depend on: no more until it resets us (9.5). */
void nvme_fatal(struct nvme *n, const char *why);

/* Stop, wait for what is in flight, forget the queues. On the I/O thread, or with none. */
void nvme_disable(struct nvme *n);

/* ---- doorbell.c ---- */

uint32_t nvme_doorbell(unsigned int pair, bool completion); /* its offset in BAR 0 */

/* Have nvme_pair_run() called soon. Any thread. */
void nvme_pair_kick(struct nvme_pair *p);

/* Where the driver says that its tail or head is, into the queue. */
void nvme_take_tail(struct nvme_pair *p);
void nvme_take_head(struct nvme_pair *p);

/* The same, and be woken when it moves on from there. */
void nvme_want_tail(struct nvme_pair *p);
void nvme_want_head(struct nvme_pair *p);

/* We look at the tail by ourselves: the driver need not tell us that it moves. */
void nvme_expect_tail(struct nvme_pair *p);

/* Has the tail in guest memory moved? Where to is not judged. */
bool nvme_tail_moved(const struct nvme_pair *p);

/* The doorbell of a queue that is new. */
void nvme_doorbells_reset(struct nvme_pair *p, bool completion);

/* Both doorbells of a pair from now on in guest memory (NULL: in BAR 0 again). */
void nvme_pair_shadow(struct nvme_pair *p, uint32_t *shadow, uint32_t *event_index);

void nvme_bad_doorbell(struct nvme_pair *p, enum nvme_event event);

/* ---- queue.c ---- */

/* Make a queue at guest address gpa; a status. */
uint16_t nvme_sq_create(struct nvme_pair *p, uint64_t gpa, uint32_t size,
			struct nvme_pair *completions);
uint16_t nvme_cq_create(struct nvme_pair *p, uint64_t gpa, uint32_t size);
void nvme_sq_delete(struct nvme_pair *p);
void nvme_cq_delete(struct nvme_pair *p);

/* Look at the pair's doorbells and do what they ask for. */
void nvme_pair_run(struct nvme_pair *p);

void nvme_command_free(struct nvme_command *c);

/* ---- turn.c ---- */

/* A turn in which so many commands may be begun. */
void nvme_turn_begin(struct nvme_pair *p, struct nvme_turn *t, unsigned int commands);

/* What was found has been given to the disk; interrupt if enough completions are held. */
void nvme_turn_served(struct nvme_pair *p, struct nvme_turn *t);

/* The queue is empty: wait a little for the next command, if that has been worth it. */
void nvme_look(struct nvme_pair *p);

/* ---- completion.c ---- */

/* Keep a slot for a completion; false if there is none. Given back by nvme_post(). */
bool nvme_cq_reserve(struct nvme_pair *p);
void nvme_post(struct nvme_pair *cq, const struct nvme_cqe *entry);

/* How many entries there are that the driver was not told of, and did not take unasked. */
uint32_t nvme_cq_held(struct nvme_pair *cq);

/* The command is done: post its completion, forget it. */
void nvme_complete(struct nvme_command *c, uint16_t status);

/* The driver may have taken completions: those who waited for room may go on. */
void nvme_head_moved(struct nvme_pair *cq);

/* Interrupts for what was posted, once for a batch, unless they are held. The owner is the
 * nvme. */
void nvme_signal(void *owner);

/* Set INTA# to what the queues say. */
void nvme_update_pin(struct nvme *n);

/* ---- prp.c ---- */

/* The host addresses of a command's data, at most NVME_TRANSFER_PAGES pieces; a status. */
uint16_t nvme_map(const struct nvme *n, const struct nvme_sqe *e, uint32_t bytes,
		  struct iovec *iov, unsigned int *count);

/* Copy to or from a command's data; a status. */
uint16_t nvme_give(const struct nvme_command *c, const void *from, uint32_t bytes);
uint16_t nvme_take(const struct nvme_command *c, void *into, uint32_t bytes);

/* ---- status.c ---- */

void nvme_status(struct device *d, json_t *into);

/* ---- commands: each returns a status or NVME_PENDING ---- */

typedef uint16_t (*nvme_command_fn)(struct nvme_command *c);

struct nvme_command_type {
	const char *name; /* NULL: no such command */
	nvme_command_fn run;
	uint32_t effects; /* 5.14.1.5 */
};

#define NVME_EFFECT_SUPPORTED 1U
#define NVME_EFFECT_WRITES    2U /* changes logical blocks */

extern const struct nvme_command_type nvme_admin_commands[NVME_ADMIN_COMMANDS];
extern const struct nvme_command_type nvme_io_commands[NVME_IO_COMMANDS];

void nvme_command_run(struct nvme_command *c);

uint16_t nvme_identify(struct nvme_command *c);
uint16_t nvme_get_features(struct nvme_command *c);
uint16_t nvme_set_features(struct nvme_command *c);
uint16_t nvme_get_log_page(struct nvme_command *c);
uint16_t nvme_async_event(struct nvme_command *c);

/* Features as after a reset. */
void nvme_features_reset(struct nvme *n);

/* Is the temperature that we tell beyond a threshold? */
bool nvme_too_hot(const struct nvme *n);

/* Something happened that the guest may want to hear of; and, at the end of a pair's turn:
 * tell. */
void nvme_event(struct nvme *n, enum nvme_event event);
void nvme_events_send(struct nvme *n);

/* Put a failed command into the error log; status as in its completion. */
void nvme_log_error(struct nvme *n, const struct nvme_command *c, uint16_t status);

#endif
