/* A guest's side of NVMe: see nvme_guest.h. */
#include "tests/unit/vmm/nvme_guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/nvme/devices.h"
#include "vmm/pci_bus.h"

#define GUARD 4096

/* With a page on each side that is nobody's. */
static uint8_t *map_memory(void)
{
	uint8_t *p = mmap(NULL, NVME_GUEST_MEMORY + 2 * GUARD, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || mprotect(p + GUARD, NVME_GUEST_MEMORY, PROT_READ | PROT_WRITE))
		abort();
	return p + GUARD;
}

int nvme_guest_create(struct nvme_guest *g, const char *option)
{
	const struct device_type *t = &device_disk_nvme;
	struct arguments a;
	int ret;

	memset(g, 0, sizeof(*g));
	fake_machine(&g->machine, NVME_GUEST_MEMORY);
	g->machine.vcpu_count = NVME_GUEST_QUEUES;
	g->memory = map_memory();
	g->machine.memory.regions = 1;
	g->machine.memory.region[0] =
		(struct guest_region){.bytes = NVME_GUEST_MEMORY, .host = g->memory};
	g->machine.io = loop_create("test");
	g->machine.devices = &g->device;
	g->device.type = t;
	g->device.machine = &g->machine;
	g->next = 4096;
	if (arguments_parse(&a, option, t->arguments))
		return -1;
	ret = t->check(&a);
	ret = ret ? ret : t->create(&g->device, &a);
	arguments_free(&a);
	g->nvme = g->device.state;
	if (ret)
		return ret;
	/* Memory space on, as firmware leaves it. */
	bus_write(g->machine.ports, 0xcf8, 1U << 31 | 1 << 11 | PCI_COMMAND, 4);
	bus_write(g->machine.ports, 0xcfc, PCI_COMMAND_MEMORY, 2);
	return 0;
}

void nvme_guest_destroy(struct nvme_guest *g)
{
	if (g->device.state)
		g->device.type->destroy(&g->device);
	loop_destroy(g->machine.io);
	fake_machine_destroy(&g->machine);
	munmap(g->memory - GUARD, NVME_GUEST_MEMORY + 2 * GUARD);
}

uint64_t nvme_guest_page(struct nvme_guest *g)
{
	uint64_t page = g->next;

	g->next += 4096;
	if (g->next > NVME_GUEST_MEMORY)
		abort();
	return page;
}

void *nvme_guest_at(struct nvme_guest *g, uint64_t gpa)
{
	return g->memory + gpa;
}

static uint64_t bar(const struct nvme_guest *g)
{
	return g->nvme->pci.range[NVME_BAR_REGISTERS].base;
}

uint64_t nvme_guest_read(struct nvme_guest *g, uint64_t offset, unsigned int size)
{
	return bus_read(g->machine.mmio, bar(g) + offset, size);
}

void nvme_guest_write(struct nvme_guest *g, uint64_t offset, uint64_t value, unsigned int size)
{
	bus_write(g->machine.mmio, bar(g) + offset, value, size);
}

void nvme_guest_run(struct nvme_guest *g)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned int i = 0; i <= g->nvme->queue_count; i++)
			if (g->nvme->pair[i].rung) {
				nvme_pair_run(&g->nvme->pair[i]);
				any = true;
			}
	}
}

static void init_queue(struct nvme_guest *g, unsigned int queue)
{
	g->queue[queue] = (struct nvme_guest_queue){.sq = nvme_guest_page(g),
						    .cq = nvme_guest_page(g),
						    .size = NVME_GUEST_ENTRIES,
						    .phase = 1};
}

void nvme_guest_enable(struct nvme_guest *g)
{
	init_queue(g, 0);
	nvme_guest_write(g, NVME_REG_AQA,
			 (NVME_GUEST_ENTRIES - 1) << 16 | (NVME_GUEST_ENTRIES - 1), 4);
	nvme_guest_write(g, NVME_REG_ASQ, g->queue[0].sq, 8);
	nvme_guest_write(g, NVME_REG_ACQ, g->queue[0].cq, 4);
	nvme_guest_write(g, NVME_REG_ACQ + 4, 0, 4);
	nvme_guest_write(g, NVME_REG_CC, NVME_CC_ENABLE | 6 << 16 | 4 << 20, 4);
}

void nvme_guest_make_queues(struct nvme_guest *g)
{
	for (unsigned int i = 1; i <= NVME_GUEST_QUEUES; i++) {
		struct nvme_sqe cq, sq;

		init_queue(g, i);
		cq = (struct nvme_sqe){.opcode = NVME_ADMIN_CREATE_CQ,
				       .prp1 = g->queue[i].cq,
				       .cdw10 = (NVME_GUEST_ENTRIES - 1) << 16 | i,
				       .cdw11 = i << 16 | 3};
		sq = (struct nvme_sqe){.opcode = NVME_ADMIN_CREATE_SQ,
				       .prp1 = g->queue[i].sq,
				       .cdw10 = cq.cdw10,
				       .cdw11 = i << 16 | 1};
		if (nvme_guest_do(g, 0, &cq, NULL) || nvme_guest_do(g, 0, &sq, NULL))
			abort();
	}
}

int nvme_guest_start(struct nvme_guest *g, const char *option)
{
	int ret = nvme_guest_create(g, option);

	if (ret)
		return ret;
	nvme_guest_enable(g);
	nvme_guest_make_queues(g);
	return 0;
}

void nvme_guest_enable_msix(struct nvme_guest *g)
{
	uint64_t table = g->nvme->pci.range[NVME_BAR_MSIX].base;

	for (unsigned int i = 0; i <= NVME_GUEST_QUEUES; i++) {
		bus_write(g->machine.mmio, table + 16 * i, 0xfee00000, 4);
		bus_write(g->machine.mmio, table + 16 * i + 8, 0x30 + i, 4);
		bus_write(g->machine.mmio, table + 16 * i + 12, 0, 4);
	}
	bus_write(g->machine.ports, 0xcf8, 1U << 31 | 1 << 11 | 0x40, 4);
	bus_write(g->machine.ports, 0xcfe, 0x8000, 2);
	if (!pci_msix_enabled(&g->nvme->pci))
		abort();
}

struct nvme_guest_shadow nvme_guest_share_doorbells(struct nvme_guest *g)
{
	struct nvme_sqe e = {.opcode = NVME_ADMIN_DOORBELL_BUFFER};

	e.prp1 = nvme_guest_page(g);
	e.prp2 = nvme_guest_page(g);
	if (nvme_guest_do(g, 0, &e, NULL))
		abort();
	return (struct nvme_guest_shadow){nvme_guest_at(g, e.prp1), nvme_guest_at(g, e.prp2)};
}

uint16_t nvme_guest_put(struct nvme_guest *g, unsigned int queue, const struct nvme_sqe *e)
{
	struct nvme_guest_queue *q = &g->queue[queue];
	struct nvme_sqe *at = nvme_guest_at(g, q->sq + q->tail * sizeof(*e));

	*at = *e;
	at->cid = ++g->cid;
	q->tail = (q->tail + 1) % q->size;
	return at->cid;
}

void nvme_guest_ring(struct nvme_guest *g, unsigned int queue)
{
	nvme_guest_write(g, nvme_doorbell(queue, false), g->queue[queue].tail, 4);
	nvme_guest_run(g);
}

bool nvme_guest_take(struct nvme_guest *g, unsigned int queue, struct nvme_cqe *c)
{
	struct nvme_guest_queue *q = &g->queue[queue];

	memcpy(c, nvme_guest_at(g, q->cq + q->head * sizeof(*c)), sizeof(*c));
	if ((c->status & 1) != q->phase)
		return false;
	q->head = (q->head + 1) % q->size;
	q->phase ^= !q->head;
	nvme_guest_write(g, nvme_doorbell(queue, true), q->head, 4);
	return true;
}

unsigned int nvme_guest_take_all(struct nvme_guest *g, unsigned int queue)
{
	struct nvme_cqe c;
	unsigned int n = 0;

	while (nvme_guest_take(g, queue, &c))
		n++;
	return n;
}

uint16_t nvme_guest_do(struct nvme_guest *g, unsigned int queue, const struct nvme_sqe *e,
		       uint32_t *result)
{
	uint16_t cid = nvme_guest_put(g, queue, e);
	struct nvme_cqe c;

	nvme_guest_ring(g, queue);
	if (!nvme_guest_take(g, queue, &c) || c.cid != cid || c.sq_id != queue)
		return UINT16_MAX;
	if (result)
		*result = c.result;
	return c.status >> 1 & 0x7ff;
}
