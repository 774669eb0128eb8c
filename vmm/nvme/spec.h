/*
 * NVM Express in numbers: NVMe Base Specification 1.4 (the sections named below) and its NVM
 * command set. Only what our controller knows. All fields are little-endian, as is every host
 * that strata runs on.
 */
#ifndef STRATA_VMM_NVME_SPEC_H
#define STRATA_VMM_NVME_SPEC_H

#include <stdint.h>

/* 3.1: registers of BAR 0. */
enum {
	NVME_REG_CAP = 0x00,
	NVME_REG_VS = 0x08,
	NVME_REG_INTMS = 0x0c,
	NVME_REG_INTMC = 0x10,
	NVME_REG_CC = 0x14,
	NVME_REG_CSTS = 0x1c,
	NVME_REG_AQA = 0x24,
	NVME_REG_ASQ = 0x28,
	NVME_REG_ACQ = 0x30,
	NVME_REG_DOORBELLS = 0x1000,
};

#define NVME_VERSION 0x00010400

/* 3.1.1: CAP. Time-out in units of 500 ms; the command sets' bit for NVM. */
#define NVME_CAP_CQR            (1ULL << 16)
#define NVME_CAP_TIMEOUT(t)     ((uint64_t)(t) << 24)
#define NVME_CAP_NVM            (1ULL << 37)
#define NVME_CAP_ENTRIES(count) ((uint64_t)(count)-1)

/* 3.1.5: CC */
#define NVME_CC_ENABLE       1U
#define NVME_CC_CSS(cc)      ((cc) >> 4 & 7)
#define NVME_CC_MPS(cc)      ((cc) >> 7 & 0xf)
#define NVME_CC_AMS(cc)      ((cc) >> 11 & 7)
#define NVME_CC_SHUTDOWN(cc) ((cc) >> 14 & 3)
#define NVME_CC_IOSQES(cc)   ((cc) >> 16 & 0xf)
#define NVME_CC_IOCQES(cc)   ((cc) >> 20 & 0xf)

/* 3.1.6: CSTS */
#define NVME_CSTS_READY              1U
#define NVME_CSTS_FATAL              2U
#define NVME_CSTS_SHUTDOWN_OCCURRING (1U << 2)
#define NVME_CSTS_SHUTDOWN_COMPLETE  (2U << 2)
#define NVME_CSTS_SHUTDOWN_MASK      (3U << 2)

#define NVME_PAGE_BYTES 4096U
#define NVME_SQE_SHIFT  6
#define NVME_CQE_SHIFT  4
#define NVME_NSID_ALL   0xffffffffU

/* 4.2 */
struct nvme_sqe {
	uint8_t opcode;
	uint8_t flags; /* fused operation 1:0, PRP or SGL 7:6 */
	uint16_t cid;
	uint32_t nsid;
	uint32_t cdw2, cdw3;
	uint64_t metadata;
	uint64_t prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

/* 4.6 */
struct nvme_cqe {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t cid;
	uint16_t status; /* phase 0, enum nvme_status from bit 1 */
};

_Static_assert(sizeof(struct nvme_sqe) == 1 << NVME_SQE_SHIFT, "4.2");
_Static_assert(sizeof(struct nvme_cqe) == 1 << NVME_CQE_SHIFT, "4.6");

/* 4.6.1: status code, and its type from bit 8. */
enum nvme_status {
	NVME_SUCCESS = 0x000,
	NVME_INVALID_OPCODE = 0x001,
	NVME_INVALID_FIELD = 0x002,
	NVME_DATA_TRANSFER_ERROR = 0x004,
	NVME_INTERNAL_ERROR = 0x006,
	NVME_INVALID_NAMESPACE = 0x00b,
	NVME_COMMAND_SEQUENCE_ERROR = 0x00c,
	NVME_INVALID_PRP_OFFSET = 0x013,
	NVME_WRITE_PROTECTED = 0x020,
	NVME_LBA_OUT_OF_RANGE = 0x080,
	NVME_CAPACITY_EXCEEDED = 0x081,
	NVME_INVALID_CQ = 0x100,
	NVME_INVALID_QUEUE_ID = 0x101,
	NVME_INVALID_QUEUE_SIZE = 0x102,
	NVME_TOO_MANY_EVENT_REQUESTS = 0x105,
	NVME_INVALID_VECTOR = 0x108,
	NVME_INVALID_LOG_PAGE = 0x109,
	NVME_INVALID_QUEUE_DELETION = 0x10c,
	NVME_FEATURE_NOT_SAVEABLE = 0x10d,
	NVME_WRITE_FAULT = 0x280,
	NVME_UNRECOVERED_READ = 0x281,

	NVME_MORE = 0x2000,         /* the error log has an entry */
	NVME_DO_NOT_RETRY = 0x4000, /* it will fail again */
};

/* 5: admin commands */
enum {
	NVME_ADMIN_DELETE_SQ = 0x00,
	NVME_ADMIN_CREATE_SQ = 0x01,
	NVME_ADMIN_GET_LOG_PAGE = 0x02,
	NVME_ADMIN_DELETE_CQ = 0x04,
	NVME_ADMIN_CREATE_CQ = 0x05,
	NVME_ADMIN_IDENTIFY = 0x06,
	NVME_ADMIN_ABORT = 0x08,
	NVME_ADMIN_SET_FEATURES = 0x09,
	NVME_ADMIN_GET_FEATURES = 0x0a,
	NVME_ADMIN_ASYNC_EVENT = 0x0c,
	NVME_ADMIN_DOORBELL_BUFFER = 0x7c,
};

/* 6: the NVM command set */
enum {
	NVME_IO_FLUSH = 0x00,
	NVME_IO_WRITE = 0x01,
	NVME_IO_READ = 0x02,
	NVME_IO_WRITE_ZEROES = 0x08,
	NVME_IO_DATASET = 0x09,
};

/* 6.7, 6.15, 6.16: dword 12 */
#define NVME_RW_BLOCKS(dw12)      (((dw12)&0xffff) + 1)
#define NVME_RW_FORCE_UNIT_ACCESS (1U << 30)
#define NVME_ZEROES_DEALLOCATE    (1U << 25)
#define NVME_DATASET_RANGES(dw10) (((dw10)&0xff) + 1)
#define NVME_DATASET_DEALLOCATE   (1U << 2) /* dword 11 */
#define NVME_DATASET_RANGES_MAX   256U

/* 6.7.1.1 */
struct nvme_range {
	uint32_t attributes;
	uint32_t blocks;
	uint64_t start;
};

/* 5.15.1: what Identify tells */
enum {
	NVME_CNS_NAMESPACE = 0x00,
	NVME_CNS_CONTROLLER = 0x01,
	NVME_CNS_ACTIVE_NAMESPACES = 0x02,
	NVME_CNS_NAMESPACE_DESCRIPTORS = 0x03,
	NVME_CNS_COMMAND_SET_CONTROLLER = 0x06,
};

/* 5.14.1: log pages */
enum {
	NVME_LOG_ERRORS = 0x01,
	NVME_LOG_SMART = 0x02,
	NVME_LOG_FIRMWARE = 0x03,
	NVME_LOG_COMMANDS = 0x05,
};

/* 5.21.1: features */
enum {
	NVME_FEATURE_ARBITRATION = 0x01,
	NVME_FEATURE_POWER = 0x02,
	NVME_FEATURE_TEMPERATURE = 0x04,
	NVME_FEATURE_ERROR_RECOVERY = 0x05,
	NVME_FEATURE_WRITE_CACHE = 0x06,
	NVME_FEATURE_QUEUES = 0x07,
	NVME_FEATURE_COALESCING = 0x08,
	NVME_FEATURE_VECTOR = 0x09,
	NVME_FEATURE_ATOMICITY = 0x0a,
	NVME_FEATURE_EVENTS = 0x0b,
	NVME_FEATURES = 0x0c,
};

/* 5.2.1: asynchronous events: type 2:0, information 15:8, log page 23:16. */
enum nvme_event {
	NVME_EVENT_DOORBELL_UNKNOWN, /* written for a queue that is not there */
	NVME_EVENT_DOORBELL_INVALID, /* a value beyond the queue */
	NVME_EVENT_TEMPERATURE,
	NVME_EVENTS,
};

#endif
