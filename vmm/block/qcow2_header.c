/* Reading, judging and making the header of a qcow2 image. */
#include "vmm/block/qcow2_header.h"

#include <stdio.h>

#include "lib/err.h"
#include "vmm/block/qcow2_entry.h"

#define HEADER_BYTES_V3   104
#define HEADER_BYTES_MADE 112
#define REFCOUNT_ORDER_V2 4

#define FEATURE_DIRTY         (1ULL << 0)
#define FEATURE_CORRUPT       (1ULL << 1)
#define FEATURE_EXTERNAL_DATA (1ULL << 2)
#define FEATURE_COMPRESSION   (1ULL << 3)
#define FEATURE_SUBCLUSTERS   (1ULL << 4)
#define FEATURES_KNOWN        (FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_COMPRESSION)

#define EXTENSION_END            0
#define EXTENSION_BACKING_FORMAT 0xe2792acaU

bool qcow2_is(const uint8_t *head, size_t bytes)
{
	return bytes >= 4 && qcow2_get32(head) == QCOW2_MAGIC;
}

uint64_t qcow2_header_cluster_bytes(const uint8_t *data, size_t bytes)
{
	uint32_t bits = bytes >= QCOW2_HEADER_BYTES_MIN ? qcow2_get32(data + 20) : 0;

	if (bits < QCOW2_CLUSTER_BITS_MIN || bits > QCOW2_CLUSTER_BITS_MAX)
		return 0;
	return 1ULL << bits;
}

uint64_t qcow2_l1_entries(uint64_t bytes, unsigned int cluster_bits)
{
	unsigned int shift = 2 * cluster_bits - 3;

	return (bytes >> shift) + ((bytes & ((1ULL << shift) - 1)) != 0);
}

static int refuse_feature(uint64_t features)
{
	if (features & FEATURE_EXTERNAL_DATA)
		return err_set("its data is in another file (data_file), which is not "
			       "supported; qemu-img convert makes one file of it");
	if (features & FEATURE_SUBCLUSTERS)
		return err_set("it has extended L2 entries, which are not supported; qemu-img "
			       "convert makes an image without");
	return err_set("it uses a feature that is not known (bits 0x%llx); a newer program "
		       "made it",
		       (unsigned long long)(features & ~FEATURES_KNOWN));
}

static int parse_v3(struct qcow2_header *h, const uint8_t *data, size_t bytes, size_t *length)
{
	uint64_t features;

	if (bytes < HEADER_BYTES_V3)
		return err_set("it is cut short in the middle of its header");
	features = qcow2_get64(data + 72);
	h->autoclear = qcow2_get64(data + QCOW2_AT_AUTOCLEAR);
	h->refcount_order = qcow2_get32(data + 96);
	*length = qcow2_get32(data + 100);
	if (features & ~FEATURES_KNOWN)
		return refuse_feature(features);
	if (*length < HEADER_BYTES_V3 || *length % 8 || *length > bytes)
		return err_set("its header has an impossible length, %zu bytes", *length);
	if (h->refcount_order > 6)
		return err_set("its refcounts have an impossible width (order %u)",
			       h->refcount_order);
	h->dirty = features & FEATURE_DIRTY;
	h->corrupt = features & FEATURE_CORRUPT;
	if (!(features & FEATURE_COMPRESSION))
		return 0;
	if (*length <= HEADER_BYTES_V3 || data[HEADER_BYTES_V3] != 1)
		return err_set("its clusters are compressed in a way that is not known (type "
			       "%u); deflate and zstd are",
			       *length > HEADER_BYTES_V3 ? data[HEADER_BYTES_V3] : 0);
	h->zstd = true;
	return 0;
}

/* A table of that many bytes at offset: on a cluster, and not beyond what can be addressed. */
static int check_table(const char *name, const struct qcow2_header *h, uint64_t offset,
		       uint64_t bytes)
{
	uint64_t cluster = 1ULL << h->cluster_bits;

	if (offset % cluster || offset < cluster || offset > QCOW2_OFFSET_MAX - bytes)
		return err_set("its %s is in an impossible place (0x%llx)", name,
			       (unsigned long long)offset);
	return 0;
}

static int check_tables(const struct qcow2_header *h)
{
	uint64_t l1 = (uint64_t)h->l1_entries * 8;
	uint64_t reftable = (uint64_t)h->reftable_clusters << h->cluster_bits;

	if (!h->bytes)
		return err_set("it is an image of no bytes at all");
	if (l1 > QCOW2_L1_BYTES_MAX)
		return err_set("its L1 table of %u entries is larger than any should be",
			       h->l1_entries);
	if (h->l1_entries < qcow2_l1_entries(h->bytes, h->cluster_bits))
		return err_set("its L1 table of %u entries is too short for its %llu bytes",
			       h->l1_entries, (unsigned long long)h->bytes);
	if (!reftable || reftable > QCOW2_REFTABLE_BYTES_MAX)
		return err_set("its refcount table of %u clusters has an impossible size",
			       h->reftable_clusters);
	if (check_table("L1 table", h, h->l1_offset, l1))
		return -1;
	return check_table("refcount table", h, h->reftable_offset, reftable);
}

/* A name that a C string can hold. */
static int copy_name(char *to, const uint8_t *data, size_t bytes)
{
	if (memchr(data, 0, bytes))
		return err_set("the name of its backing file is damaged");
	memcpy(to, data, bytes);
	to[bytes] = 0;
	return 0;
}

static int parse_extensions(struct qcow2_header *h, const uint8_t *data, size_t at, size_t end)
{
	while (end - at >= 8) {
		uint32_t type = qcow2_get32(data + at), length = qcow2_get32(data + at + 4);

		at += 8;
		if (type == EXTENSION_END)
			return 0;
		if (length > end - at)
			return err_set("an extension of its header is cut short");
		if (type == EXTENSION_BACKING_FORMAT && length < sizeof(h->backing_format) &&
		    copy_name(h->backing_format, data + at, length))
			return -1;
		length = (length + 7) & ~7U;
		if (length > end - at)
			return 0;
		at += length;
	}
	return 0;
}

static int parse_backing(struct qcow2_header *h, const uint8_t *data, size_t bytes,
			 size_t header)
{
	uint64_t offset = qcow2_get64(data + 8);
	uint32_t length = qcow2_get32(data + 16);

	if (!offset)
		return 0;
	if (length > QCOW2_NAME_MAX || !length || offset < header || offset > bytes ||
	    length > bytes - offset)
		return err_set("the name of its backing file is in an impossible place");
	return copy_name(h->backing, data + offset, length);
}

int qcow2_header_parse(struct qcow2_header *h, const uint8_t *data, size_t bytes)
{
	size_t length = QCOW2_HEADER_BYTES_MIN, end;

	*h = (struct qcow2_header){.refcount_order = REFCOUNT_ORDER_V2};
	if (!qcow2_is(data, bytes))
		return err_set("it is not a qcow2 image");
	if (bytes < QCOW2_HEADER_BYTES_MIN)
		return err_set("it is cut short in the middle of its header");
	h->version = qcow2_get32(data + 4);
	if (h->version != 2 && h->version != 3)
		return err_set("it is of version %u; 2 and 3 are known", h->version);
	if (!qcow2_header_cluster_bytes(data, bytes))
		return err_set("its clusters have an impossible size (1 << %u bytes)",
			       qcow2_get32(data + 20));
	if (qcow2_get32(data + 32))
		return err_set("it is encrypted, which is not supported; qemu-img convert "
			       "makes an image that is not");
	h->cluster_bits = qcow2_get32(data + 20);
	h->bytes = qcow2_get64(data + 24);
	h->l1_entries = qcow2_get32(data + 36);
	h->l1_offset = qcow2_get64(data + 40);
	h->reftable_offset = qcow2_get64(data + QCOW2_AT_REFTABLE);
	h->reftable_clusters = qcow2_get32(data + QCOW2_AT_REFTABLE + 8);
	h->snapshots = qcow2_get32(data + 60);
	if (h->version > 2 && parse_v3(h, data, bytes, &length))
		return -1;
	if (check_tables(h) || parse_backing(h, data, bytes, length))
		return -1;
	/* Extensions reach to the backing file's name, or to the end of the cluster. */
	end = h->backing[0] ? (size_t)qcow2_get64(data + 8) : bytes;
	return parse_extensions(h, data, length, end);
}

int qcow2_header_make(const struct qcow2_header *h, uint8_t *data)
{
	size_t at = HEADER_BYTES_MADE, format = strlen(h->backing_format);
	size_t name = strlen(h->backing);

	if (name > QCOW2_NAME_MAX || at + 64 + name > 1ULL << h->cluster_bits)
		return err_set("the name of the backing file is too long: %s", h->backing);
	qcow2_put32(data, QCOW2_MAGIC);
	qcow2_put32(data + 4, 3);
	qcow2_put32(data + 20, h->cluster_bits);
	qcow2_put64(data + 24, h->bytes);
	qcow2_put32(data + 36, h->l1_entries);
	qcow2_put64(data + 40, h->l1_offset);
	qcow2_put64(data + QCOW2_AT_REFTABLE, h->reftable_offset);
	qcow2_put32(data + QCOW2_AT_REFTABLE + 8, h->reftable_clusters);
	qcow2_put32(data + 96, h->refcount_order);
	qcow2_put32(data + 100, HEADER_BYTES_MADE);
	if (format) {
		qcow2_put32(data + at, EXTENSION_BACKING_FORMAT);
		qcow2_put32(data + at + 4, (uint32_t)format);
		memcpy(data + at + 8, h->backing_format, format);
		at += 8 + ((format + 7) & ~7ULL);
	}
	at += 8; /* the end of the extensions: zeroes */
	if (name) {
		qcow2_put64(data + 8, at);
		qcow2_put32(data + 16, (uint32_t)name);
		memcpy(data + at, h->backing, name);
	}
	return 0;
}
