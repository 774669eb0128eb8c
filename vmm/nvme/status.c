/*
 * What the controller tells in the machine's status, beside what every disk tells: "serial",
 * "block_bytes", "state" (disabled, ready, shutting down, shut down, fatal), "fatal" (how often
 * the driver broke what commands depend on), "resets", "doorbell_exits" (writes that left the
 * kernel), "bad_doorbells", "events", "command_errors", "unknown_commands", "commands" by name,
 * "read_blocks", "written_blocks", and "queues": a list of the pairs, with "kicks" (wake-ups by
 * their doorbells), "found" (times there was work that no doorbell announced), "looks" (times
 * we waited a little for such work), "looks_in_vain", "coalescing" (completions to an
 * interrupt, as it is now), "interrupts", "interrupts_saved", and where the doorbells lie in
 * BAR 0. A pair's counters begin anew with its queues.
 */
#include "vmm/device.h"
#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

static json_t *number(const uint64_t *counter)
{
	return json_integer((json_int_t)counter_read(counter));
}

static json_t *pair_status(const struct nvme_pair *p)
{
	const struct nvme_cq *cq = &p->cq;
	json_t *o = json_object();
	const struct {
		const char *name;
		json_t *value;
	} rows[] = {
		{"index", json_integer(p->id)},
		{"size", json_integer(p->sq.ring ? p->sq.size : 0)},
		{"completion_size", json_integer(cq->ring ? cq->size : 0)},
		{"vector", cq->ring ? json_integer(cq->vector) : json_null()},
		{"shadow_doorbells", json_boolean(p->shadow)},
		{"doorbell_offset", json_integer(nvme_doorbell(p->id, false))},
		{"completion_doorbell_offset", json_integer(nvme_doorbell(p->id, true))},
		{"kicks", number(&p->kicks)},
		{"commands", number(&p->sq.commands)},
		{"found", number(&p->sq.found)},
		{"looks", number(&p->look.looks)},
		{"looks_in_vain", number(&p->look.in_vain)},
		{"coalescing", json_integer(p->look.target)},
		{"completions", number(&cq->completions)},
		{"interrupts", number(&cq->signals)},
		{"interrupts_saved", number(&cq->signals_saved)},
		{"completion_queue_full", number(&cq->full)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name, rows[i].value);
	return o;
}

static void add_commands(const struct nvme_command_type *types, const uint64_t *counts,
			 unsigned int count, json_t *into)
{
	for (unsigned int i = 0; i < count; i++)
		if (types[i].name)
			json_object_set_new(into, types[i].name, number(&counts[i]));
}

static const char *state(uint32_t csts)
{
	if (csts & NVME_CSTS_FATAL)
		return "fatal";
	if (csts & NVME_CSTS_SHUTDOWN_COMPLETE)
		return "shut down";
	if (csts & NVME_CSTS_SHUTDOWN_OCCURRING)
		return "shutting down";
	return csts & NVME_CSTS_READY ? "ready" : "disabled";
}

void nvme_status(struct device *d, json_t *into)
{
	struct nvme *n = d->state;
	json_t *queues = json_array(), *commands = json_object();
	const struct {
		const char *name;
		const uint64_t *counter;
	} rows[] = {
		{"fatal", &n->fatal},
		{"resets", &n->resets},
		{"doorbell_exits", &n->doorbell_exits},
		{"bad_doorbells", &n->bad_doorbells},
		{"events", &n->events_sent},
		{"command_errors", &n->errors},
		{"unknown_commands", &n->unknown_commands},
		{"read_blocks", &n->read_blocks},
		{"written_blocks", &n->written_blocks},
	};

	disk_status(n->disk, into);
	json_object_set_new(into, "serial", json_string(n->serial));
	json_object_set_new(into, "block_bytes", json_integer(1 << n->block_shift));
	json_object_set_new(into, "state", json_string(state(n->csts)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(into, rows[i].name, number(rows[i].counter));
	add_commands(nvme_admin_commands, n->admin_commands, NVME_ADMIN_COMMANDS, commands);
	add_commands(nvme_io_commands, n->io_commands, NVME_IO_COMMANDS, commands);
	json_object_set_new(into, "commands", commands);
	for (unsigned int i = 0; i <= n->queue_count; i++)
		json_array_append_new(queues, pair_status(&n->pair[i]));
	json_object_set_new(into, "queues", queues);
}
