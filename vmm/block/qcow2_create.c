/*
 * Making an image over another: clusters of 64 KiB, refcounts of 16 bits, as qemu-img does.
 * The header is written last: what a crash leaves is not taken for an image.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/qcow2_image.h"

#define CLUSTER_BITS   16
#define CLUSTER        (1U << CLUSTER_BITS)
#define REFCOUNT_ORDER 4

/* Clusters of the file: header, refcount table, the one refcount block, L1 table. */
enum {
	AT_REFTABLE = 1,
	AT_BLOCK,
	AT_L1,
};

static int put(int fd, const uint8_t *cluster, uint64_t number)
{
	ssize_t n = pwrite(fd, cluster, CLUSTER, (off_t)(number * CLUSTER));

	if (n >= 0 && n != CLUSTER)
		errno = ENOSPC;
	return n == CLUSTER ? 0 : -1;
}

static int put_refcounts(int fd, uint8_t *cluster, uint64_t used)
{
	memset(cluster, 0, CLUSTER);
	qcow2_put64(cluster, (uint64_t)AT_BLOCK * CLUSTER);
	if (put(fd, cluster, AT_REFTABLE))
		return -1;
	memset(cluster, 0, CLUSTER);
	for (uint64_t i = 0; i < used; i++)
		qcow2_set_refcount(cluster, i, REFCOUNT_ORDER, 1);
	return put(fd, cluster, AT_BLOCK);
}

static int fill(int fd, const struct qcow2_header *h)
{
	uint64_t used = AT_L1 + ((uint64_t)h->l1_entries * 8 + CLUSTER - 1) / CLUSTER;
	uint8_t *cluster = calloc(1, CLUSTER);
	int ret = -1;

	if (!cluster)
		return err_errno("no memory");
	if (qcow2_header_make(h, cluster))
		goto out;
	if (ftruncate(fd, (off_t)(used * CLUSTER)) || put_refcounts(fd, cluster, used) ||
	    fdatasync(fd)) {
		err_errno("cannot write");
		goto out;
	}
	memset(cluster, 0, CLUSTER);
	qcow2_header_make(h, cluster);
	ret = put(fd, cluster, 0) || fsync(fd) ? err_errno("cannot write") : 0;
out:
	free(cluster);
	return ret;
}

int qcow2_create(const char *path, uint64_t bytes, const char *backing, const char *format)
{
	struct qcow2_header h = {
		.cluster_bits = CLUSTER_BITS,
		.refcount_order = REFCOUNT_ORDER,
		.bytes = bytes,
		.l1_offset = (uint64_t)AT_L1 * CLUSTER,
		.reftable_offset = (uint64_t)AT_REFTABLE * CLUSTER,
		.reftable_clusters = 1,
	};
	uint64_t entries = qcow2_l1_entries(bytes, CLUSTER_BITS);
	int fd;

	if (entries * 8 > QCOW2_L1_BYTES_MAX)
		return err_set("overlay %s: %s is too large for a qcow2 image", path, backing);
	if (strlen(backing) > QCOW2_NAME_MAX)
		return err_set("overlay %s: the name of the file below is too long", path);
	h.l1_entries = (uint32_t)entries;
	snprintf(h.backing, sizeof(h.backing), "%s", backing);
	snprintf(h.backing_format, sizeof(h.backing_format), "%s", format);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno("overlay %s: cannot make it", path);
	if (fill(fd, &h)) {
		err_add("overlay %s", path);
		unlink(path);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}
