/*
 * Compressed clusters, which are only read: one that is written becomes an ordinary one. One
 * cluster is unpacked at a time, and the last is kept: guests read on.
 */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/block/qcow2_image.h"

#define ZSTD_WINDOW_LOG_MAX 23 /* more memory than a cluster of 2 MiB can be in need of */

static int inflate_deflate(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t bytes)
{
	z_stream z = {.next_in = (Bytef *)in,
		      .avail_in = (uInt)in_bytes,
		      .next_out = out,
		      .avail_out = (uInt)bytes};
	int r;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return ENOMEM;
	/* What follows the cluster's data in its last sector may be anything. */
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return !z.avail_out && (r == Z_STREAM_END || r == Z_BUF_ERROR || r == Z_OK) ? 0 : EIO;
}

static int inflate_zstd(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t bytes)
{
	ZSTD_outBuffer to = {out, bytes, 0};
	ZSTD_inBuffer from = {in, in_bytes, 0};
	ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t r = 0;

	if (!z)
		return ENOMEM;
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	while (to.pos < bytes && from.pos < in_bytes && !ZSTD_isError(r)) {
		size_t before = to.pos + from.pos;

		r = ZSTD_decompressStream(z, &to, &from);
		if (before == to.pos + from.pos)
			break;
	}
	ZSTD_freeDCtx(z);
	return to.pos == bytes && !ZSTD_isError(r) ? 0 : EIO;
}

int qcow2_inflate(bool zstd, const uint8_t *in, size_t in_bytes, uint8_t *out, size_t bytes)
{
	return zstd ? inflate_zstd(in, in_bytes, out, bytes)
		    : inflate_deflate(in, in_bytes, out, bytes);
}

static void came(struct qcow2_task *t)
{
	struct qcow2_unpacker *u = (struct qcow2_unpacker *)t;
	struct qcow2 *q = t->q;
	int error = t->error;

	u->host = 0;
	if (!error)
		error = qcow2_inflate(q->h.zstd, u->packed, u->packed_bytes, u->cluster,
				      q->cluster);
	if (error == EIO && !t->error)
		qcow2_damaged(q, "a compressed cluster cannot be unpacked", u->reading);
	if (!error)
		u->host = u->reading;
	free(u->packed);
	u->packed = NULL;
	u->busy = false;
	qcow2_wake(&u->waiting, error);
}

static int start(struct qcow2 *q, const struct qcow2_extent *e)
{
	struct qcow2_unpacker *u = &q->unpacker;

	u->cluster = u->cluster ? u->cluster : malloc(q->cluster);
	u->packed = u->cluster ? malloc(e->packed_bytes) : NULL;
	if (!u->packed)
		return ENOMEM;
	u->busy = true;
	u->reading = e->host;
	u->packed_bytes = e->packed_bytes;
	u->iov = (struct iovec){u->packed, e->packed_bytes};
	u->task = (struct qcow2_task){.step = came, .q = q};
	u->io = (struct file_request){.op = DISK_READ,
				      .offset = e->host,
				      .bytes = e->packed_bytes,
				      .iov = &u->iov,
				      .iov_count = 1};
	qcow2_file_submit(&q->own, &u->io, &u->task);
	return 0;
}

int qcow2_unpack(struct qcow2 *q, const struct qcow2_extent *e, struct qcow2_task *t,
		 const uint8_t **cluster)
{
	struct qcow2_unpacker *u = &q->unpacker;
	int r = 0;

	if (!u->busy && u->host == e->host) {
		*cluster = u->cluster;
		return 0;
	}
	if (!u->busy)
		r = start(q, e);
	if (r)
		return r;
	qcow2_wait(&u->waiting, t);
	return QCOW2_WAIT;
}

void qcow2_unpack_free(struct qcow2 *q)
{
	free(q->unpacker.cluster);
	free(q->unpacker.packed);
}
