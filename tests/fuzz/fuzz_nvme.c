/*
 * Fuzzes the NVMe controller from the guest's side: the input is a program of a hostile driver
 * that accesses registers, writes into its memory (rings, lists, shadow doorbells), puts
 * commands into queues, rings any doorbell with any value, and resets; while the disk holds
 * requests back, answers or fails them. The controller may refuse, and count it; it may not
 * crash, hang, lose a request or touch what is not guest memory.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/program.h"
#include "tests/unit/vmm/nvme_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPERATIONS_MAX = 300, RUNS_MAX = 64 };

enum operation {
	WRITE_REGISTER,
	READ_REGISTER,
	WRITE_MEMORY,
	FILL_LIST,
	ADMIN_COMMAND,
	IO_COMMAND,
	DOORBELL,
	SHADOW_DOORBELL,
	TAKE,
	RUN,
	DISK,
	ENABLE,
	MSIX,
	OPERATIONS,
};

/* Mostly in memory, often at a page's start, sometimes anywhere at all. */
static uint64_t address(struct input *in)
{
	unsigned int kind = byte(in);
	uint64_t page = (uint64_t)(half(in) & 0x3ff) << 12;

	if (kind < 160)
		return page;
	if (kind < 230)
		return page | half(in);
	return (uint64_t)word(in) << (kind & 31);
}

/* The controller's turn; a driver that rewrites its rings may keep it busy for ever. */
static void run(struct nvme_guest *g)
{
	for (int turns = 0; turns < RUNS_MAX; turns++)
		for (unsigned int i = 0; i <= NVME_GUEST_QUEUES; i++)
			if (g->nvme->pair[i].rung)
				nvme_pair_run(&g->nvme->pair[i]);
}

static void put(struct nvme_guest *g, struct input *in, bool admin)
{
	static const uint8_t admin_opcodes[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x06,
						0x08, 0x09, 0x0a, 0x0c, 0x7c};
	static const uint8_t io_opcodes[] = {0x00, 0x01, 0x02, 0x08, 0x09};
	unsigned int queue = admin ? 0 : byte(in) % NVME_GUEST_QUEUES + 1, kind = byte(in);
	struct nvme_sqe e = {
		.opcode = admin ? admin_opcodes[kind % sizeof(admin_opcodes)]
				: io_opcodes[kind % sizeof(io_opcodes)],
		.flags = kind > 250 ? (uint8_t)byte(in) : 0,
		.nsid = kind & 0x40 ? byte(in) : 1,
		.prp1 = address(in),
		.prp2 = address(in),
		.cdw10 = half(in),
		.cdw11 = byte(in),
		.cdw12 = half(in),
	};

	if (kind & 0x80) {
		e.cdw10 |= half(in) << 16;
		e.cdw11 |= word(in) << 8;
		e.cdw12 |= half(in) << 16;
	}
	if (g->queue[queue].sq && g->queue[queue].size)
		nvme_guest_put(g, queue, &e);
}

static void write_memory(struct nvme_guest *g, struct input *in)
{
	uint64_t at = address(in);

	for (unsigned int n = byte(in) & 63; n; n--, at++)
		if (at < NVME_GUEST_MEMORY)
			g->memory[at] = (uint8_t)byte(in);
}

/* A page full of entries, for walks that never end. */
static void fill_list(struct nvme_guest *g, struct input *in)
{
	uint64_t page = (uint64_t)(half(in) & 0x3ff) << 12, entry = address(in);

	for (size_t i = 0; i < 512; i++)
		memcpy(g->memory + page + 8 * i, &entry, sizeof(entry));
}

static void shadow_doorbell(struct nvme_guest *g, struct input *in)
{
	unsigned int queue = byte(in) % NVME_GUEST_QUEUES + 1;
	struct nvme_pair *p = &g->nvme->pair[queue];
	unsigned int value = byte(in);

	if (!p->shadow)
		return;
	p->shadow[value >> 7] = value & 64 ? word(in) : value & 15;
	nvme_pair_kick(p);
}

static void operate(struct nvme_guest *g, struct input *in)
{
	static const int errors[] = {0, 0, 0, 0, EIO, ENOSPC, EROFS, EINVAL};
	unsigned int which = byte(in);
	struct nvme_cqe c;

	switch (byte(in) % OPERATIONS) {
	case WRITE_REGISTER:
		nvme_guest_write(g, which % 0x48 & ~3u, word(in), which & 0x80 ? 8 : 4);
		break;
	case READ_REGISTER:
		nvme_guest_read(g, half(in) & 0x1ff8, 1u << (which & 3));
		break;
	case WRITE_MEMORY:
		write_memory(g, in);
		break;
	case FILL_LIST:
		fill_list(g, in);
		break;
	case ADMIN_COMMAND:
	case IO_COMMAND:
		put(g, in, which & 1);
		break;
	case DOORBELL:
		if (which & 0x80)
			nvme_guest_write(g, nvme_doorbell(which % 6, which & 8), word(in), 4);
		else
			nvme_guest_write(g, nvme_doorbell(which & 3, false),
					 g->queue[which & 3].tail, 4);
		break;
	case SHADOW_DOORBELL:
		shadow_doorbell(g, in);
		break;
	case TAKE:
		if (g->queue[which & 3].cq && g->queue[which & 3].size)
			nvme_guest_take(g, which & 3, &c);
		break;
	case RUN:
		run(g);
		break;
	case DISK:
		fake_disk.hold = which & 1;
		fake_disk.error = errors[which >> 5];
		disk_run(g->nvme->disk);
		break;
	case ENABLE:
		if (which & 1)
			nvme_guest_write(g, NVME_REG_CC, 0, 4);
		g->next = 4096;
		nvme_guest_enable(g);
		break;
	case MSIX:
		bus_write(g->machine.ports, 0xcf8, 1U << 31 | 1 << 11 | 0x40, 4);
		bus_write(g->machine.ports, 0xcfe, half(in), 2);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nvme_guest *g = malloc(sizeof(*g));
	struct input in = {data, size};

	fake_disk_reset();
	if (nvme_guest_start(g, byte(&in) & 1 ? "file=fuzz,block=4096" : "file=fuzz"))
		abort();
	for (int i = 0; in.left && i < OPERATIONS_MAX; i++)
		operate(g, &in);
	run(g);
	nvme_guest_destroy(g);
	free(g);
	return 0;
}
