/* Identify (5.15): what the controller and its namespace are, as offsets, widths and values. */
#include <stdio.h>
#include <string.h>

#include "lib/version.h"
#include "vmm/nvme/nvme.h"

#define MODEL "strata NVMe disk"

/* 5.15.2.2, figure 251 */
enum {
	CONTROLLER_IO = 1,
	OACS_DOORBELL_BUFFER = 1 << 8,
	FIRMWARE_ONE_FIXED_SLOT = 1 << 1 | 1,
	LOG_COMMANDS_AND_OFFSETS = 1 << 1 | 1 << 2,
	WARNING_KELVIN = 343,
	CRITICAL_KELVIN = 373,
	ONCS_DATASET = 1 << 2,
	ONCS_WRITE_ZEROES = 1 << 3,
	CACHE_PRESENT_FLUSH_ALL = 7,
	IDLE_POWER_CENTIWATTS = 100,
};

/* 5.15.2.1, figure 247 */
enum {
	OPTIMAL_SIZES_TOLD = 1 << 4,
	ZEROES_MAY_DEALLOCATE = 1 << 3,
	DEALLOCATED_READ_ZEROES = 1,
	WRITE_PROTECTED_NOW = 1,
	DESCRIPTOR_UUID = 3,
};

struct field {
	unsigned int offset, bytes;
	uint64_t value;
};

static void put(uint8_t *page, const struct field *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memcpy(page + f[i].offset, &f[i].value, f[i].bytes);
}

#define PUT(page, fields) put(page, fields, sizeof(fields) / sizeof((fields)[0]))

/* 1.5: text is padded with spaces. */
static void put_text(uint8_t *at, size_t bytes, const char *text)
{
	size_t length = strlen(text);

	memset(at, ' ', bytes);
	memcpy(at, text, length < bytes ? length : bytes);
}

/* 7.9: a name of the subsystem that no other has. */
static void put_qualified_name(uint8_t *at, const uint8_t *u)
{
	sprintf((char *)at,
		"nqn.2014-08.org.nvmexpress:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-"
		"%02x%02x-%02x%02x%02x%02x%02x%02x",
		u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		u[13], u[14], u[15]);
}

static void controller(const struct nvme *n, uint8_t *page)
{
	bool discard = disk_info(n->disk)->discard;
	const struct field fields[] = {
		{0, 2, n->pci.id.vendor},
		{2, 2, n->pci.id.subsystem_vendor},
		{72, 1, 6}, /* recommended arbitration burst */
		{77, 1, NVME_MDTS},
		{80, 4, NVME_VERSION},
		{111, 1, CONTROLLER_IO},
		{256, 2, OACS_DOORBELL_BUFFER},
		{258, 1, 3}, /* aborts at once, less one */
		{259, 1, NVME_EVENT_REQUESTS - 1},
		{260, 1, FIRMWARE_ONE_FIXED_SLOT},
		{261, 1, LOG_COMMANDS_AND_OFFSETS},
		{262, 1, NVME_ERRORS_MAX - 1},
		{266, 2, WARNING_KELVIN},
		{268, 2, CRITICAL_KELVIN},
		{512, 1, NVME_SQE_SHIFT << 4 | NVME_SQE_SHIFT},
		{513, 1, NVME_CQE_SHIFT << 4 | NVME_CQE_SHIFT},
		{516, 4, 1}, /* namespaces */
		{520, 2, ONCS_WRITE_ZEROES | (discard ? ONCS_DATASET : 0)},
		{525, 1, CACHE_PRESENT_FLUSH_ALL},
		{2048, 2, IDLE_POWER_CENTIWATTS},
	};

	PUT(page, fields);
	put_text(page + 4, NVME_SERIAL_BYTES, n->serial);
	put_text(page + 24, 40, MODEL);
	put_text(page + 64, 8, STRATA_VERSION);
	put_qualified_name(page + 768, n->uuid);
}

static void namespace(const struct nvme *n, uint8_t *page)
{
	const struct disk_info *info = disk_info(n->disk);
	uint64_t block = 1ULL << n->block_shift;
	uint64_t granularity = info->block_bytes > block ? info->block_bytes / block - 1 : 0;
	uint8_t deallocation = (info->discard ? ZEROES_MAY_DEALLOCATE : 0) |
			       (info->discard_zeroes ? DEALLOCATED_READ_ZEROES : 0);
	const struct field fields[] = {
		{0, 8, n->blocks},        {8, 8, n->blocks},
		{16, 8, n->blocks},       {24, 1, OPTIMAL_SIZES_TOLD},
		{33, 1, deallocation},    {48, 8, n->blocks << n->block_shift},
		{64, 2, granularity}, /* preferred write granularity and alignment */
		{66, 2, granularity},     {99, 1, info->readonly ? WRITE_PROTECTED_NOW : 0},
		{130, 1, n->block_shift}, /* the one format */
	};

	PUT(page, fields);
}

/* 5.15.2.4 */
static void descriptors(const struct nvme *n, uint8_t *page)
{
	page[0] = DESCRIPTOR_UUID;
	page[1] = sizeof(n->uuid);
	memcpy(page + 4, n->uuid, sizeof(n->uuid));
}

/* NVM Command Set 1.0, 4.1.5.4: write zeroes has no limit but that of its field. */
static void command_set(const struct nvme *n, uint8_t *page)
{
	page[1] = (uint8_t)(n->block_shift + 16 - 12);
}

static uint16_t fill(const struct nvme_command *c, uint8_t *page)
{
	uint32_t nsid = c->sqe.nsid;

	switch (c->sqe.cdw10 & 0xff) {
	case NVME_CNS_NAMESPACE:
		if (nsid != NVME_NAMESPACE)
			return NVME_INVALID_NAMESPACE;
		namespace(c->nvme, page);
		return NVME_SUCCESS;
	case NVME_CNS_CONTROLLER:
		controller(c->nvme, page);
		return NVME_SUCCESS;
	case NVME_CNS_ACTIVE_NAMESPACES:
		if (nsid >= NVME_NSID_ALL - 1)
			return NVME_INVALID_NAMESPACE;
		page[0] = nsid < NVME_NAMESPACE ? NVME_NAMESPACE : 0;
		return NVME_SUCCESS;
	case NVME_CNS_NAMESPACE_DESCRIPTORS:
		if (nsid != NVME_NAMESPACE)
			return NVME_INVALID_NAMESPACE;
		descriptors(c->nvme, page);
		return NVME_SUCCESS;
	case NVME_CNS_COMMAND_SET_CONTROLLER:
		if (c->sqe.cdw11 >> 24) /* not of the NVM command set */
			return NVME_INVALID_FIELD;
		command_set(c->nvme, page);
		return NVME_SUCCESS;
	default:
		return NVME_INVALID_FIELD;
	}
}

uint16_t nvme_identify(struct nvme_command *c)
{
	uint8_t page[NVME_PAGE_BYTES] = {0};
	uint16_t status = fill(c, page);

	return status ? status : nvme_give(c, page, sizeof(page));
}
