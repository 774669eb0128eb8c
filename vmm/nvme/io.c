/* The commands that move data (6): each becomes one request of the disk, or several in a row.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

static uint64_t first_block(const struct nvme_command *c)
{
	return (uint64_t)c->sqe.cdw11 << 32 | c->sqe.cdw10;
}

static bool on_disk(const struct nvme *n, uint64_t start, uint64_t blocks)
{
	return blocks <= n->blocks && start <= n->blocks - blocks;
}

static uint16_t status_of(const struct disk_request *r, int error)
{
	switch (error) {
	case 0:
		return NVME_SUCCESS;
	case EINVAL:
		return NVME_LBA_OUT_OF_RANGE;
	case EROFS:
		return NVME_WRITE_PROTECTED;
	case ENOSPC:
		return NVME_CAPACITY_EXCEEDED;
	default:
		return r->op == DISK_READ ? NVME_UNRECOVERED_READ : NVME_WRITE_FAULT;
	}
}

static uint16_t submit(struct nvme_command *c, enum disk_op op, uint64_t start, uint64_t blocks)
{
	struct nvme *n = c->nvme;

	c->request.op = op;
	c->request.offset = start << n->block_shift;
	c->request.bytes = blocks << n->block_shift;
	c->request.iov = c->iov;
	disk_submit(n->disk, &c->request);
	return NVME_PENDING;
}

/* 6.7: the ranges one after the other; those without blocks are none. */
static uint16_t next_range(struct nvme_command *c)
{
	while (c->range < c->range_count) {
		const struct nvme_range *r = &c->ranges[c->range++];

		if (r->blocks)
			return submit(c, DISK_DISCARD, r->start, r->blocks);
	}
	return NVME_SUCCESS;
}

static void done(struct disk_request *r, int error)
{
	struct nvme_command *c = r->owner;
	uint16_t status = status_of(r, error);

	if (!status && c->ranges)
		status = next_range(c);
	if (status == NVME_PENDING)
		disk_run(c->nvme->disk);
	else
		nvme_complete(c, status);
}

static void prepare(struct nvme_command *c)
{
	c->request = (struct disk_request){.done = done, .owner = c};
}

/* What reads, writes and zeroes have in common. */
static uint16_t check(const struct nvme_command *c)
{
	if (c->sqe.nsid != NVME_NAMESPACE)
		return NVME_INVALID_NAMESPACE;
	if (!on_disk(c->nvme, first_block(c), NVME_RW_BLOCKS(c->sqe.cdw12)))
		return NVME_LBA_OUT_OF_RANGE;
	return NVME_SUCCESS;
}

/* 6.15: by force, or because the driver turned the write cache off. */
static bool durable(const struct nvme_command *c)
{
	return c->sqe.cdw12 & NVME_RW_FORCE_UNIT_ACCESS ||
	       !c->nvme->feature[NVME_FEATURE_WRITE_CACHE];
}

static uint16_t transfer(struct nvme_command *c, enum disk_op op, uint64_t *counter)
{
	uint64_t blocks = NVME_RW_BLOCKS(c->sqe.cdw12), bytes = blocks << c->nvme->block_shift;
	uint16_t status = check(c);

	if (status)
		return status;
	if (bytes > NVME_TRANSFER_MAX)
		return NVME_INVALID_FIELD;
	prepare(c);
	c->request.durable = op == DISK_WRITE && durable(c);
	status = nvme_map(c->nvme, &c->sqe, (uint32_t)bytes, c->iov, &c->request.iov_count);
	if (status)
		return status;
	counter_add(counter, blocks);
	return submit(c, op, first_block(c), blocks);
}

static uint16_t read_blocks(struct nvme_command *c)
{
	return transfer(c, DISK_READ, &c->nvme->read_blocks);
}

static uint16_t write_blocks(struct nvme_command *c)
{
	return transfer(c, DISK_WRITE, &c->nvme->written_blocks);
}

static uint16_t write_zeroes(struct nvme_command *c)
{
	uint16_t status = check(c);

	if (status)
		return status;
	prepare(c);
	c->request.may_unmap = c->sqe.cdw12 & NVME_ZEROES_DEALLOCATE;
	c->request.durable = durable(c);
	return submit(c, DISK_WRITE_ZEROES, first_block(c), NVME_RW_BLOCKS(c->sqe.cdw12));
}

static uint16_t flush(struct nvme_command *c)
{
	if (c->sqe.nsid != NVME_NAMESPACE && c->sqe.nsid != NVME_NSID_ALL)
		return NVME_INVALID_NAMESPACE;
	prepare(c);
	return submit(c, DISK_FLUSH, 0, 0);
}

/* 6.7: of the hints we take "deallocate". */
static uint16_t dataset(struct nvme_command *c)
{
	uint32_t count = NVME_DATASET_RANGES(c->sqe.cdw10), bytes = count * sizeof(*c->ranges);
	uint16_t status;

	if (c->sqe.nsid != NVME_NAMESPACE)
		return NVME_INVALID_NAMESPACE;
	if (!(c->sqe.cdw11 & NVME_DATASET_DEALLOCATE))
		return NVME_SUCCESS;
	c->ranges = malloc(bytes);
	if (!c->ranges)
		return NVME_INTERNAL_ERROR;
	status = nvme_take(c, c->ranges, bytes);
	for (uint32_t i = 0; i < count && !status; i++)
		if (!on_disk(c->nvme, c->ranges[i].start, c->ranges[i].blocks))
			status = NVME_LBA_OUT_OF_RANGE;
	if (status)
		return status;
	c->range = 0;
	c->range_count = count;
	prepare(c);
	return next_range(c);
}

const struct nvme_command_type nvme_io_commands[NVME_IO_COMMANDS] = {
	[NVME_IO_FLUSH] = {"flush", flush, NVME_EFFECT_SUPPORTED},
	[NVME_IO_WRITE] = {"write", write_blocks, NVME_EFFECT_SUPPORTED | NVME_EFFECT_WRITES},
	[NVME_IO_READ] = {"read", read_blocks, NVME_EFFECT_SUPPORTED},
	[NVME_IO_WRITE_ZEROES] = {"write_zeroes", write_zeroes,
				  NVME_EFFECT_SUPPORTED | NVME_EFFECT_WRITES},
	[NVME_IO_DATASET] = {"dataset", dataset, NVME_EFFECT_SUPPORTED | NVME_EFFECT_WRITES},
};
