/* Scatter lists: copying and slicing. */
#include "vmm/virtio/iov.h"

#include <string.h>

unsigned int iov_slice(const struct iovec *iov, unsigned int count, size_t offset, size_t len,
		       struct iovec *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count && len; i++) {
		size_t skip = offset < iov[i].iov_len ? offset : iov[i].iov_len;
		size_t take = iov[i].iov_len - skip < len ? iov[i].iov_len - skip : len;

		offset -= skip;
		len -= take;
		if (!take)
			continue;
		out[n].iov_base = (char *)iov[i].iov_base + skip;
		out[n].iov_len = take;
		n++;
	}
	return n;
}

enum direction { FROM_LIST, TO_LIST };

static size_t copy(const struct iovec *iov, unsigned int count, size_t offset, char *buffer,
		   size_t len, enum direction d)
{
	size_t done = 0;

	for (unsigned int i = 0; i < count && done < len; i++) {
		size_t skip = offset < iov[i].iov_len ? offset : iov[i].iov_len;
		size_t take = iov[i].iov_len - skip;
		char *piece = (char *)iov[i].iov_base + skip;

		offset -= skip;
		if (take > len - done)
			take = len - done;
		if (d == FROM_LIST)
			memcpy(buffer + done, piece, take);
		else
			memcpy(piece, buffer + done, take);
		done += take;
	}
	return done;
}

size_t iov_copy_from(const struct iovec *iov, unsigned int count, size_t offset, void *to,
		     size_t len)
{
	return copy(iov, count, offset, to, len, FROM_LIST);
}

size_t iov_copy_to(const struct iovec *iov, unsigned int count, size_t offset, const void *from,
		   size_t len)
{
	return copy(iov, count, offset, (char *)(size_t)from, len, TO_LIST);
}
