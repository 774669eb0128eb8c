/* Get and set features (5.13, 5.21): a row per feature says what it is after a reset, and what
 * may be set. */
#include <string.h>

#include "vmm/nvme/nvme.h"

#define SAVE             (1U << 31) /* dword 10 of set */
#define SELECT(dw10)     ((dw10) >> 8 & 7)
#define QUEUES_FORBIDDEN 0xffffU

/* 5.21.1.4: dword 11 */
#define THRESHOLD(dw11) ((dw11)&0xffff)
#define SENSOR(dw11)    ((dw11) >> 16 & 0xf)
#define DIRECTION(dw11) ((dw11) >> 20 & 3)
#define SENSOR_ALL      0xfU
#define THRESHOLD_OVER  343
#define THRESHOLD_UNDER 0

typedef uint16_t (*feature_fn)(struct nvme_command *c, uint32_t *value);

static uint16_t set_queues(struct nvme_command *c, uint32_t *value);
static uint16_t get_vector(struct nvme_command *c, uint32_t *value);
static uint16_t set_vector(struct nvme_command *c, uint32_t *value);
static uint16_t get_temperature(struct nvme_command *c, uint32_t *value);
static uint16_t set_temperature(struct nvme_command *c, uint32_t *value);

static const struct feature {
	bool there;
	uint32_t initial;
	uint32_t settable;   /* bits that may be set; others are reserved or not offered */
	feature_fn get, set; /* NULL: what is stored is all there is to it */
} features[NVME_FEATURES] = {
	[NVME_FEATURE_ARBITRATION] = {true, 6, 0xffffff07, NULL, NULL},
	[NVME_FEATURE_POWER] = {true, 0, 0xe0, NULL, NULL},
	[NVME_FEATURE_TEMPERATURE] = {true, THRESHOLD_OVER, 0x3fffff, get_temperature,
				      set_temperature},
	[NVME_FEATURE_ERROR_RECOVERY] = {true, 0, 0xffff, NULL, NULL},
	[NVME_FEATURE_WRITE_CACHE] = {true, 1, 1, NULL, NULL},
	[NVME_FEATURE_QUEUES] = {true, 0, UINT32_MAX, NULL, set_queues},
	/* A round of the I/O loop is what we coalesce, whatever is recommended. */
	[NVME_FEATURE_COALESCING] = {true, 0, 0xffff, NULL, NULL},
	[NVME_FEATURE_VECTOR] = {true, 0, 0x1ffff, get_vector, set_vector},
	[NVME_FEATURE_ATOMICITY] = {true, 0, 1, NULL, NULL},
	[NVME_FEATURE_EVENTS] = {true, 0, 0xffff, NULL, NULL},
};

static const struct feature *feature(const struct nvme_command *c)
{
	uint32_t id = c->sqe.cdw10 & 0xff;

	return id < NVME_FEATURES && features[id].there ? &features[id] : NULL;
}

/* 5.21.1.7: how many there are to be, once; we have as many as we said. */
static uint16_t set_queues(struct nvme_command *c, uint32_t *value)
{
	struct nvme *n = c->nvme;

	for (unsigned int i = 1; i <= n->queue_count; i++)
		if (n->pair[i].cq.ring)
			return NVME_COMMAND_SEQUENCE_ERROR;
	if ((*value & 0xffff) == QUEUES_FORBIDDEN || *value >> 16 == QUEUES_FORBIDDEN)
		return NVME_INVALID_FIELD;
	*value = n->feature[NVME_FEATURE_QUEUES];
	c->result = *value;
	return NVME_SUCCESS;
}

/* 5.21.1.9: a setting for each vector. */
static uint16_t get_vector(struct nvme_command *c, uint32_t *value)
{
	uint32_t vector = c->sqe.cdw11 & 0xffff;

	if (vector > c->nvme->queue_count)
		return NVME_INVALID_FIELD;
	*value = vector | (uint32_t)c->nvme->no_coalescing[vector] << 16;
	return NVME_SUCCESS;
}

static uint16_t set_vector(struct nvme_command *c, uint32_t *value)
{
	uint32_t vector = *value & 0xffff;

	if (vector > c->nvme->queue_count)
		return NVME_INVALID_FIELD;
	c->nvme->no_coalescing[vector] = *value >> 16;
	return NVME_SUCCESS;
}

/* 5.21.1.4: there is one sensor, and a threshold on each side. */
static uint16_t get_temperature(struct nvme_command *c, uint32_t *value)
{
	if (SENSOR(c->sqe.cdw11) || DIRECTION(c->sqe.cdw11) > 1)
		return NVME_INVALID_FIELD;
	if (DIRECTION(c->sqe.cdw11))
		*value = c->nvme->threshold_under;
	return NVME_SUCCESS;
}

static uint16_t set_temperature(struct nvme_command *c, uint32_t *value)
{
	struct nvme *n = c->nvme;
	uint32_t wanted = *value;

	if ((SENSOR(wanted) && SENSOR(wanted) != SENSOR_ALL) || DIRECTION(wanted) > 1)
		return NVME_INVALID_FIELD;
	*value = n->feature[NVME_FEATURE_TEMPERATURE];
	if (DIRECTION(wanted))
		n->threshold_under = THRESHOLD(wanted);
	else
		*value = THRESHOLD(wanted);
	n->feature[NVME_FEATURE_TEMPERATURE] = *value;
	if (nvme_too_hot(n))
		nvme_event(n, NVME_EVENT_TEMPERATURE);
	return NVME_SUCCESS;
}

bool nvme_too_hot(const struct nvme *n)
{
	return NVME_TEMPERATURE >= n->feature[NVME_FEATURE_TEMPERATURE] ||
	       NVME_TEMPERATURE <= n->threshold_under;
}

uint16_t nvme_get_features(struct nvme_command *c)
{
	const struct feature *f = feature(c);

	if (!f || SELECT(c->sqe.cdw10))
		return NVME_INVALID_FIELD;
	c->result = c->nvme->feature[f - features];
	return f->get ? f->get(c, &c->result) : NVME_SUCCESS;
}

uint16_t nvme_set_features(struct nvme_command *c)
{
	const struct feature *f = feature(c);
	uint32_t value = c->sqe.cdw11;
	uint16_t status;

	if (!f)
		return NVME_INVALID_FIELD;
	if (c->sqe.cdw10 & SAVE)
		return NVME_FEATURE_NOT_SAVEABLE;
	if (value & ~f->settable)
		return NVME_INVALID_FIELD;
	status = f->set ? f->set(c, &value) : NVME_SUCCESS;
	if (!status)
		c->nvme->feature[f - features] = value;
	return status;
}

void nvme_features_reset(struct nvme *n)
{
	uint32_t queues = n->queue_count - 1;

	for (unsigned int i = 0; i < NVME_FEATURES; i++)
		n->feature[i] = features[i].initial;
	n->feature[NVME_FEATURE_QUEUES] = queues << 16 | queues;
	n->threshold_under = THRESHOLD_UNDER;
	memset(n->no_coalescing, 0, sizeof(n->no_coalescing));
}
