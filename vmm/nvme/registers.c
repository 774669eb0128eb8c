/* What the guest sees in BAR 0: the controller's registers and its life (3.1, 7.6). */
#include <stdio.h>
#include <string.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define READY_WITHIN 40 /* half seconds that a driver should give us: a drain takes a while */

static uint64_t capabilities(void)
{
	return NVME_CAP_ENTRIES(NVME_ENTRIES_MAX) | NVME_CAP_CQR |
	       NVME_CAP_TIMEOUT(READY_WITHIN) | NVME_CAP_NVM;
}

void nvme_fatal(struct nvme *n, const char *why)
{
	if (n->csts & NVME_CSTS_FATAL)
		return;
	counter_add(&n->fatal, 1);
	if (n->fatal == 1) /* a guest must not be able to flood the log */
		fprintf(stderr,
			"strata-vmm: %s: the guest's driver broke a rule (%s); the controller "
			"waits for its reset, later ones are only counted\n",
			n->name, why);
	n->csts |= NVME_CSTS_FATAL;
}

/* 3.1.9, 3.1.10, 7.6.1: on the I/O thread. */
static void enable(struct nvme *n)
{
	uint32_t sq_size = (n->aqa & 0xfff) + 1, cq_size = (n->aqa >> 16 & 0xfff) + 1;

	disk_drain(n->disk); /* a shutdown's flush */
	n->csts = 0;
	nvme_features_reset(n);
	n->pin = !pci_msix_enabled(&n->pci);
	if (NVME_CC_CSS(n->cc) || NVME_CC_MPS(n->cc) || NVME_CC_AMS(n->cc)) {
		nvme_fatal(n, "it chose a page size or command set that is not offered");
		return;
	}
	if (sq_size < 2 || cq_size < 2 || nvme_cq_create(&n->pair[0], n->acq, cq_size) ||
	    nvme_sq_create(&n->pair[0], n->asq, sq_size, &n->pair[0])) {
		nvme_fatal(n, "its admin queues are not in memory or too small");
		return;
	}
	n->pair[0].cq.interrupts = true;
	n->csts |= NVME_CSTS_READY;
}

void nvme_disable(struct nvme *n)
{
	n->csts &= ~NVME_CSTS_READY;
	disk_drain(n->disk);
	for (unsigned int i = 0; i <= n->queue_count; i++) {
		nvme_sq_delete(&n->pair[i]);
		nvme_cq_delete(&n->pair[i]);
		nvme_pair_shadow(&n->pair[i], NULL, NULL);
	}
	n->event_requests = n->events_pending = n->events_masked = 0;
	n->masked = 0;
	n->csts = 0;
	pci_intx(&n->pci, false);
	counter_add(&n->resets, 1);
}

static void shutdown_done(struct disk_request *r, int error)
{
	struct nvme *n = r->owner;

	(void)error; /* counted by the disk; the register has no word for it */
	n->csts = (n->csts & ~NVME_CSTS_SHUTDOWN_MASK) | NVME_CSTS_SHUTDOWN_COMPLETE;
}

/* 7.6.2: what was written is safe before we say so. */
static void shut_down(struct nvme *n)
{
	if (n->csts & NVME_CSTS_SHUTDOWN_MASK)
		return;
	n->csts |= NVME_CSTS_SHUTDOWN_OCCURRING;
	n->shutdown =
		(struct disk_request){.op = DISK_FLUSH, .done = shutdown_done, .owner = n};
	disk_submit(n->disk, &n->shutdown);
	disk_run(n->disk);
}

/* On the I/O thread, with the vCPU that holds the lock waiting. */
static void configure(void *arg)
{
	struct nvme *n = arg;
	bool enabled = n->enabled, wanted = n->cc & NVME_CC_ENABLE;

	n->enabled = wanted;
	if (!wanted && enabled)
		nvme_disable(n);
	if (wanted && !enabled)
		enable(n);
	if (NVME_CC_SHUTDOWN(n->cc))
		shut_down(n);
}

static void update_pin(void *arg)
{
	nvme_update_pin(arg);
}

static void set_half(uint64_t *address, uint32_t value, bool high)
{
	unsigned int shift = high ? 32 : 0;

	*address = (*address & ~(0xffffffffULL << shift)) | (uint64_t)value << shift;
}

static void write_register(struct nvme *n, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case NVME_REG_INTMS:
		n->masked |= value;
		loop_call(n->loop, update_pin, n);
		break;
	case NVME_REG_INTMC:
		n->masked &= ~value;
		loop_call(n->loop, update_pin, n);
		break;
	case NVME_REG_CC:
		n->cc = value;
		loop_call(n->loop, configure, n);
		break;
	case NVME_REG_AQA:
		n->aqa = value;
		break;
	case NVME_REG_ASQ:
	case NVME_REG_ASQ + 4:
		set_half(&n->asq, value, offset != NVME_REG_ASQ);
		break;
	case NVME_REG_ACQ:
	case NVME_REG_ACQ + 4:
		set_half(&n->acq, value, offset != NVME_REG_ACQ);
		break;
	}
}

static uint32_t read_register(struct nvme *n, uint64_t offset)
{
	uint64_t cap = capabilities();

	switch (offset) {
	case NVME_REG_CAP:
		return (uint32_t)cap;
	case NVME_REG_CAP + 4:
		return (uint32_t)(cap >> 32);
	case NVME_REG_VS:
		return NVME_VERSION;
	case NVME_REG_INTMS:
	case NVME_REG_INTMC:
		return n->masked;
	case NVME_REG_CC:
		return n->cc;
	case NVME_REG_CSTS:
		return n->csts;
	case NVME_REG_AQA:
		return n->aqa;
	case NVME_REG_ASQ:
		return (uint32_t)n->asq;
	case NVME_REG_ASQ + 4:
		return (uint32_t)(n->asq >> 32);
	case NVME_REG_ACQ:
		return (uint32_t)n->acq;
	case NVME_REG_ACQ + 4:
		return (uint32_t)(n->acq >> 32);
	default:
		return 0;
	}
}

/* 3.1: registers are accessed in aligned units of 4 or 8 bytes; others give zero, do nothing.
 */
static bool well_formed(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

uint64_t nvme_read(struct nvme *n, uint64_t offset, unsigned int size)
{
	uint64_t value;

	if (!well_formed(offset, size) || offset >= NVME_REG_DOORBELLS)
		return 0;
	pthread_mutex_lock(&n->lock);
	value = read_register(n, offset);
	if (size == 8)
		value |= (uint64_t)read_register(n, offset + 4) << 32;
	pthread_mutex_unlock(&n->lock);
	return value;
}

/* On a vCPU thread, no lock held. The I/O thread judges the value. */
static void ring_doorbell(struct nvme *n, unsigned int index, uint32_t value)
{
	struct nvme_pair *p = &n->pair[index / 2];

	__atomic_fetch_add(&n->doorbell_exits, 1, __ATOMIC_RELAXED);
	if (index / 2 > n->queue_count) {
		p = &n->pair[0];
		n->unknown_doorbell = true;
	} else if (index % 2) {
		p->head_written = value;
		if (!p->cq.wants_head)
			return;
	} else {
		p->tail_written = value;
	}
	nvme_pair_kick(p);
}

void nvme_write(struct nvme *n, uint64_t offset, uint64_t value, unsigned int size)
{
	if (!well_formed(offset, size))
		return;
	if (offset >= NVME_REG_DOORBELLS) {
		if (size == 4)
			ring_doorbell(n, (unsigned int)(offset - NVME_REG_DOORBELLS) / 4,
				      (uint32_t)value);
		return;
	}
	pthread_mutex_lock(&n->lock);
	write_register(n, offset, (uint32_t)value);
	if (size == 8)
		write_register(n, offset + 4, (uint32_t)(value >> 32));
	pthread_mutex_unlock(&n->lock);
}
