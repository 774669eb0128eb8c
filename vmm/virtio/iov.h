/*
 * Scatter lists: a virtio driver may cut its headers and data wherever it likes
 * (virtio 1.2, 2.7.4), so nothing may assume that a field lies in one piece.
 */
#ifndef STRATA_VMM_VIRTIO_IOV_H
#define STRATA_VMM_VIRTIO_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Copy len bytes from (to) the list, starting at offset. Returns how many there were. */
size_t iov_copy_from(const struct iovec *iov, unsigned int count, size_t offset, void *to,
		     size_t len);
size_t iov_copy_to(const struct iovec *iov, unsigned int count, size_t offset, const void *from,
		   size_t len);

/* Make out (room for count) the list of the bytes [offset, offset + len). Returns its length.
 */
unsigned int iov_slice(const struct iovec *iov, unsigned int count, size_t offset, size_t len,
		       struct iovec *out);

#endif
