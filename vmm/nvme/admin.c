/* Commands, and those of the admin queue that make and delete queues (5.3 to 5.7). */
#include <string.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define QUEUE_CONTIGUOUS 1U /* dword 11 */
#define QUEUE_INTERRUPTS 2U
#define NOT_ABORTED      1U /* 5.1: dword 0 of Abort's completion */

void nvme_command_run(struct nvme_command *c)
{
	struct nvme *n = c->nvme;
	bool admin = !c->pair->id;
	const struct nvme_command_type *types = admin ? nvme_admin_commands : nvme_io_commands;
	unsigned int count = admin ? NVME_ADMIN_COMMANDS : NVME_IO_COMMANDS;
	uint8_t opcode = c->sqe.opcode;
	uint16_t status = NVME_INVALID_OPCODE;

	if (opcode >= count || !types[opcode].run) {
		counter_add(&n->unknown_commands, 1);
	} else {
		counter_add(&(admin ? n->admin_commands : n->io_commands)[opcode], 1);
		/* No fused operations, no scatter-gather lists. */
		status = c->sqe.flags ? NVME_INVALID_FIELD : types[opcode].run(c);
	}
	if (status != NVME_PENDING)
		nvme_complete(c, status);
}

/* The I/O pair that a command means, or NULL. */
static struct nvme_pair *named(const struct nvme_command *c, uint32_t id)
{
	return id && id <= c->nvme->queue_count ? &c->nvme->pair[id] : NULL;
}

/* What queues to be made have in common. */
static uint16_t check_queue(const struct nvme_command *c, unsigned int entry_shift,
			    unsigned int wanted_shift)
{
	uint32_t size = (c->sqe.cdw10 >> 16) + 1;

	if (size < 2 || size > NVME_ENTRIES_MAX)
		return NVME_INVALID_QUEUE_SIZE;
	if (!(c->sqe.cdw11 & QUEUE_CONTIGUOUS) || entry_shift != wanted_shift)
		return NVME_INVALID_FIELD;
	return NVME_SUCCESS;
}

static uint16_t create_cq(struct nvme_command *c)
{
	const struct nvme_sqe *e = &c->sqe;
	struct nvme_pair *p = named(c, e->cdw10 & 0xffff);
	uint32_t vector = e->cdw11 >> 16;
	uint16_t status;

	if (!p || p->cq.ring)
		return NVME_INVALID_QUEUE_ID;
	status = check_queue(c, NVME_CC_IOCQES(c->nvme->cc), NVME_CQE_SHIFT);
	if (status)
		return status;
	if (e->cdw11 & QUEUE_INTERRUPTS && vector > c->nvme->queue_count)
		return NVME_INVALID_VECTOR;
	status = nvme_cq_create(p, e->prp1, (e->cdw10 >> 16) + 1);
	if (status)
		return status;
	p->cq.interrupts = e->cdw11 & QUEUE_INTERRUPTS;
	p->cq.vector = (uint16_t)vector;
	return NVME_SUCCESS;
}

static uint16_t create_sq(struct nvme_command *c)
{
	const struct nvme_sqe *e = &c->sqe;
	struct nvme_pair *p = named(c, e->cdw10 & 0xffff);
	struct nvme_pair *completions = named(c, e->cdw11 >> 16);
	uint16_t status;

	if (!completions || !completions->cq.ring)
		return NVME_INVALID_CQ;
	if (!p || p->sq.ring)
		return NVME_INVALID_QUEUE_ID;
	status = check_queue(c, NVME_CC_IOSQES(c->nvme->cc), NVME_SQE_SHIFT);
	return status ? status : nvme_sq_create(p, e->prp1, (e->cdw10 >> 16) + 1, completions);
}

/* 5.6: all its commands are completed before. */
static uint16_t delete_sq(struct nvme_command *c)
{
	struct nvme_pair *p = named(c, c->sqe.cdw10 & 0xffff);

	if (!p || !p->sq.ring)
		return NVME_INVALID_QUEUE_ID;
	disk_drain(c->nvme->disk);
	nvme_sq_delete(p);
	return NVME_SUCCESS;
}

static uint16_t delete_cq(struct nvme_command *c)
{
	struct nvme_pair *p = named(c, c->sqe.cdw10 & 0xffff);

	if (!p || !p->cq.ring)
		return NVME_INVALID_QUEUE_ID;
	for (unsigned int i = 0; i <= c->nvme->queue_count; i++)
		if (c->nvme->pair[i].sq.ring && c->nvme->pair[i].sq.completions == p)
			return NVME_INVALID_QUEUE_DELETION;
	nvme_cq_delete(p);
	return NVME_SUCCESS;
}

/* 5.1: it is best effort, and ours is to have the disk finish. */
static uint16_t abort_command(struct nvme_command *c)
{
	uint32_t id = c->sqe.cdw10 & 0xffff;

	if (id > c->nvme->queue_count || !c->nvme->pair[id].sq.ring)
		return NVME_INVALID_FIELD;
	c->result = NOT_ABORTED;
	return NVME_SUCCESS;
}

/* 5.7: doorbells in guest memory. The admin pair's stay in BAR 0, where drivers write them. */
static uint16_t doorbell_buffer(struct nvme_command *c)
{
	struct nvme *n = c->nvme;
	uint32_t *shadow = guest_ptr(n->memory, c->sqe.prp1, NVME_PAGE_BYTES);
	uint32_t *event_index = guest_ptr(n->memory, c->sqe.prp2, NVME_PAGE_BYTES);

	if (!shadow || !event_index || (c->sqe.prp1 | c->sqe.prp2) % NVME_PAGE_BYTES)
		return NVME_INVALID_FIELD;
	for (unsigned int i = 1; i <= n->queue_count; i++)
		nvme_pair_shadow(&n->pair[i], shadow + (size_t)2 * i,
				 event_index + (size_t)2 * i);
	return NVME_SUCCESS;
}

const struct nvme_command_type nvme_admin_commands[NVME_ADMIN_COMMANDS] = {
	[NVME_ADMIN_DELETE_SQ] = {"delete_sq", delete_sq, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_CREATE_SQ] = {"create_sq", create_sq, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_GET_LOG_PAGE] = {"get_log_page", nvme_get_log_page, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_DELETE_CQ] = {"delete_cq", delete_cq, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_CREATE_CQ] = {"create_cq", create_cq, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_IDENTIFY] = {"identify", nvme_identify, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_ABORT] = {"abort", abort_command, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_SET_FEATURES] = {"set_features", nvme_set_features, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_GET_FEATURES] = {"get_features", nvme_get_features, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_ASYNC_EVENT] = {"async_event", nvme_async_event, NVME_EFFECT_SUPPORTED},
	[NVME_ADMIN_DOORBELL_BUFFER] = {"doorbell_buffer", doorbell_buffer,
					NVME_EFFECT_SUPPORTED},
};
