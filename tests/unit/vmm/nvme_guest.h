/*
 * A guest's side of NVMe, small, for tests and fuzzers: memory of its own with rings in it, a
 * controller on a fake disk, behind a real PCI bus on a fake KVM.
 */
#ifndef STRATA_TESTS_NVME_GUEST_H
#define STRATA_TESTS_NVME_GUEST_H

#include "tests/unit/vmm/fake_disk.h"
#include "tests/unit/vmm/fake_kvm.h"
#include "vmm/nvme/nvme.h"

#define NVME_GUEST_MEMORY  (4u << 20)
#define NVME_GUEST_QUEUES  3 /* I/O pairs */
#define NVME_GUEST_ENTRIES 8

struct nvme_guest_queue {
	uint64_t sq, cq; /* guest addresses */
	uint32_t size, tail, head;
	uint16_t phase;
};

struct nvme_guest {
	struct machine machine;
	struct device device;
	struct nvme *nvme;
	uint8_t *memory; /* one block at 0 */
	uint64_t next;   /* what nvme_guest_page() gives out next */
	uint16_t cid;
	struct nvme_guest_queue queue[1 + NVME_GUEST_QUEUES];
};

/* Make all of it, of an option's text as a user gives it. Returns what create() did. */
int nvme_guest_create(struct nvme_guest *g, const char *option);
void nvme_guest_destroy(struct nvme_guest *g);

/* A fresh page; its address, and where that is for us. */
uint64_t nvme_guest_page(struct nvme_guest *g);
void *nvme_guest_at(struct nvme_guest *g, uint64_t gpa);

/* BAR 0, through the bus. */
uint64_t nvme_guest_read(struct nvme_guest *g, uint64_t offset, unsigned int size);
void nvme_guest_write(struct nvme_guest *g, uint64_t offset, uint64_t value, unsigned int size);

/* What the I/O thread would do by now. */
void nvme_guest_run(struct nvme_guest *g);

/* Turn the controller on with an admin queue, and then all I/O queues. */
void nvme_guest_enable(struct nvme_guest *g);
void nvme_guest_make_queues(struct nvme_guest *g);

/* Create, enable and make the queues, at once; returns what create() did. */
int nvme_guest_start(struct nvme_guest *g, const char *option);

/* Program all vectors and unmask them, as a driver does. */
void nvme_guest_enable_msix(struct nvme_guest *g);

/* Have the doorbells in memory: those that the driver writes, and those it is to ring at. */
struct nvme_guest_shadow {
	uint32_t *doorbell, *event_index;
};

struct nvme_guest_shadow nvme_guest_share_doorbells(struct nvme_guest *g);

/* Put a command into a queue, without ringing its doorbell; its identifier. */
uint16_t nvme_guest_put(struct nvme_guest *g, unsigned int queue, const struct nvme_sqe *e);

/* Ring the doorbell of what was put, and let the I/O thread run. */
void nvme_guest_ring(struct nvme_guest *g, unsigned int queue);

/* Take a completion from the queue, and tell the controller; false if there is none. */
bool nvme_guest_take(struct nvme_guest *g, unsigned int queue, struct nvme_cqe *c);

/* Take all there are; how many. */
unsigned int nvme_guest_take_all(struct nvme_guest *g, unsigned int queue);

/* Put, ring and take; the status without phase, "more" and "do not retry". */
uint16_t nvme_guest_do(struct nvme_guest *g, unsigned int queue, const struct nvme_sqe *e,
		       uint32_t *result);

#endif
