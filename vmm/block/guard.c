/*
 * A raw image whose format was found by its first bytes, not stated: the guest may not write
 * such first bytes that the next start takes it for an image of another format, which could
 * name any file of the host as the one to read from. The first sector is copied before it is
 * looked at, so that it is also what is written.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/block/format.h"
#include "vmm/virtio/iov.h"

struct disk_guard {
	uint8_t head[DISK_PROBE_BYTES];
	struct iovec iov[];
};

int disk_guard(struct disk_request *r)
{
	struct disk_guard *g = malloc(sizeof(*g) + (r->iov_count + 1) * sizeof(g->iov[0]));

	if (!g)
		return ENOMEM;
	iov_copy_from(r->iov, r->iov_count, 0, g->head, sizeof(g->head));
	if (disk_format_of_head(g->head, sizeof(g->head))->probe) {
		free(g);
		return EMEDIUMTYPE;
	}
	g->iov[0] = (struct iovec){g->head, sizeof(g->head)};
	r->iov_count = 1 + iov_slice(r->iov, r->iov_count, sizeof(g->head),
				     r->bytes - sizeof(g->head), g->iov + 1);
	r->iov = g->iov;
	r->guard = g;
	return 0;
}
