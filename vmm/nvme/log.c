/* Log pages (5.14) and asynchronous events (5.2): what the controller has to say of itself. */
#include <string.h>

#include "lib/version.h"
#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define RETAIN_EVENT    (1U << 15) /* dword 10 */
#define UNITS_OF_BLOCKS 1000       /* of 512 bytes, in which SMART counts data */

enum { WARNING_TEMPERATURE = 1 << 1 }; /* in SMART's first byte, and the events feature */

/* Which events there are: completion dword 0 but for the log page, and the log that tells more.
 */
static const struct event {
	uint8_t type, information, log;
} events[NVME_EVENTS] = {
	[NVME_EVENT_DOORBELL_UNKNOWN] = {0, 0, NVME_LOG_ERRORS},
	[NVME_EVENT_DOORBELL_INVALID] = {0, 1, NVME_LOG_ERRORS},
	[NVME_EVENT_TEMPERATURE] = {1, 1, NVME_LOG_SMART},
};

void nvme_log_error(struct nvme *n, const struct nvme_command *c, uint16_t status)
{
	struct nvme_error *e = &n->error[n->errors % NVME_ERRORS_MAX];

	*e = (struct nvme_error){
		.number = n->errors + 1,
		.sq_id = (uint16_t)c->pair->id,
		.cid = c->sqe.cid,
		.status = status,
		.parameter = UINT16_MAX, /* not of one field */
		.lba = c->pair->id ? (uint64_t)c->sqe.cdw11 << 32 | c->sqe.cdw10 : 0,
		.nsid = c->sqe.nsid,
	};
	counter_add(&n->errors, 1);
}

/* 5.14.1.1: the latest first. */
static void tell_errors(const struct nvme *n, uint8_t *page)
{
	for (uint64_t i = 0; i < NVME_ERRORS_MAX && i < n->errors; i++)
		memcpy(page + i * sizeof(n->error[0]),
		       &n->error[(n->errors - 1 - i) % NVME_ERRORS_MAX], sizeof(n->error[0]));
}

static void put(uint8_t *page, unsigned int offset, uint64_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

static uint64_t units(const struct nvme *n, uint64_t blocks)
{
	uint64_t sectors = blocks << n->block_shift >> 9;

	return (sectors + UNITS_OF_BLOCKS - 1) / UNITS_OF_BLOCKS;
}

/* 5.14.1.2 */
static void tell_health(const struct nvme *n, uint8_t *page)
{
	uint16_t temperature = NVME_TEMPERATURE;

	page[0] = nvme_too_hot(n) ? WARNING_TEMPERATURE : 0;
	memcpy(page + 1, &temperature, sizeof(temperature));
	page[3] = 100; /* per cent of the spare that is left */
	page[4] = 10;  /* ... and when to worry */
	put(page, 32, units(n, n->read_blocks));
	put(page, 48, units(n, n->written_blocks));
	put(page, 64, n->io_commands[NVME_IO_READ]);
	put(page, 80, n->io_commands[NVME_IO_WRITE]);
	put(page, 112, 1); /* power cycles */
	put(page, 176, n->errors);
}

/* 5.14.1.3: slot 1 is the active one; its revision as Identify has it. */
static void tell_firmware(uint8_t *page)
{
	page[0] = 1;
	memset(page + 8, ' ', 8);
	memcpy(page + 8, STRATA_VERSION, strlen(STRATA_VERSION));
}

/* 5.14.1.5 */
static void tell_commands(uint8_t *page)
{
	for (unsigned int i = 0; i < NVME_ADMIN_COMMANDS; i++)
		memcpy(page + 4 * (size_t)i, &nvme_admin_commands[i].effects, 4);
	for (unsigned int i = 0; i < NVME_IO_COMMANDS; i++)
		memcpy(page + 1024 + 4 * (size_t)i, &nvme_io_commands[i].effects, 4);
}

/* Fill the page; returns how long the log is, 0 if there is none of that name. */
static uint32_t fill(const struct nvme *n, unsigned int log, uint8_t *page)
{
	switch (log) {
	case NVME_LOG_ERRORS:
		tell_errors(n, page);
		return sizeof(n->error);
	case NVME_LOG_SMART:
		tell_health(n, page);
		return 512;
	case NVME_LOG_FIRMWARE:
		tell_firmware(page);
		return 512;
	case NVME_LOG_COMMANDS:
		tell_commands(page);
		return NVME_PAGE_BYTES;
	default:
		return 0;
	}
}

/* 5.2: reading its log page is what lets an event's type happen again. */
static void unmask_events(struct nvme *n, unsigned int log)
{
	for (unsigned int i = 0; i < NVME_EVENTS; i++)
		if (events[i].log == log)
			n->events_masked &= ~(1U << events[i].type);
}

uint16_t nvme_get_log_page(struct nvme_command *c)
{
	const struct nvme_sqe *e = &c->sqe;
	uint64_t offset = (uint64_t)e->cdw13 << 32 | e->cdw12;
	uint64_t bytes = (((uint64_t)(e->cdw11 & 0xffff) << 16 | e->cdw10 >> 16) + 1) * 4;
	uint8_t page[NVME_PAGE_BYTES] = {0};
	uint32_t length = fill(c->nvme, e->cdw10 & 0xff, page);
	uint16_t status;

	if (!length)
		return NVME_INVALID_LOG_PAGE;
	if (e->nsid && e->nsid != NVME_NSID_ALL)
		return NVME_INVALID_FIELD; /* no log is of the namespace alone */
	if (offset % 4 || offset > length)
		return NVME_INVALID_FIELD;
	if (bytes > length - offset)
		bytes = length - offset;
	status = nvme_give(c, page + offset, (uint32_t)bytes);
	if (!status && !(e->cdw10 & RETAIN_EVENT))
		unmask_events(c->nvme, e->cdw10 & 0xff);
	return status;
}

/* 5.2: held until something happens. Its completion's slot is given back meanwhile. */
uint16_t nvme_async_event(struct nvme_command *c)
{
	struct nvme *n = c->nvme;

	if (n->event_requests == NVME_EVENT_REQUESTS)
		return NVME_TOO_MANY_EVENT_REQUESTS;
	n->event_cid[n->event_requests++] = c->sqe.cid;
	c->pair->cq.reserved--;
	nvme_command_free(c);
	return NVME_PENDING;
}

void nvme_event(struct nvme *n, enum nvme_event event)
{
	if (event == NVME_EVENT_TEMPERATURE &&
	    !(n->feature[NVME_FEATURE_EVENTS] & WARNING_TEMPERATURE))
		return;
	n->events_pending |= 1U << event;
}

static void send(struct nvme *n, const struct event *e)
{
	struct nvme_pair *admin = &n->pair[0];
	struct nvme_cqe entry = {
		.result = e->type | (uint32_t)e->information << 8 | (uint32_t)e->log << 16,
		.sq_head = (uint16_t)admin->sq.head,
		.cid = n->event_cid[0],
	};

	n->event_requests--;
	memmove(n->event_cid, n->event_cid + 1, n->event_requests * sizeof(n->event_cid[0]));
	n->events_masked |= 1U << e->type;
	counter_add(&n->events_sent, 1);
	nvme_post(admin, &entry);
}

void nvme_events_send(struct nvme *n)
{
	for (unsigned int i = 0; i < NVME_EVENTS && n->event_requests; i++) {
		if (!(n->events_pending >> i & 1) || n->events_masked >> events[i].type & 1)
			continue;
		if (!nvme_cq_reserve(&n->pair[0]))
			return; /* the admin queue's head wakes us */
		n->events_pending &= ~(1U << i);
		send(n, &events[i]);
	}
}
