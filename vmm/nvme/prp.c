/*
 * Where a command's data lies (4.3): PRP entries name pages of guest memory, and, if there are
 * more than two, lists of them. Every list but the first starts a page, so a walk takes no more
 * steps than the transfer has pages, whatever the lists point to.
 */
#include <string.h>

#include "vmm/nvme/nvme.h"

#define OFFSET_MASK (NVME_PAGE_BYTES - 1)

struct walk {
	const struct guest_memory *memory;
	uint64_t list; /* the next entry's address */
	struct iovec *iov;
	unsigned int count;
	uint32_t left;
};

static uint32_t to_page_end(uint64_t address)
{
	return NVME_PAGE_BYTES - (uint32_t)(address & OFFSET_MASK);
}

/* One entry's data: to the end of its page, or of the transfer. */
static uint16_t add(struct walk *w, uint64_t gpa)
{
	uint32_t bytes = to_page_end(gpa) < w->left ? to_page_end(gpa) : w->left;
	struct iovec *last = w->count ? &w->iov[w->count - 1] : NULL;
	uint8_t *host = guest_ptr(w->memory, gpa, bytes);

	if (!host)
		return NVME_DATA_TRANSFER_ERROR;
	w->left -= bytes;
	if (last && (uint8_t *)last->iov_base + last->iov_len == host)
		last->iov_len += bytes;
	else
		w->iov[w->count++] = (struct iovec){host, bytes};
	return NVME_SUCCESS;
}

/* The entries of one list page; the last may name the next list. */
static uint16_t walk_list(struct walk *w)
{
	unsigned int entries = to_page_end(w->list) / sizeof(uint64_t);
	const uint8_t *page = guest_ptr(w->memory, w->list, to_page_end(w->list));
	uint16_t status = NVME_SUCCESS;

	if (!page)
		return NVME_DATA_TRANSFER_ERROR;
	for (unsigned int i = 0; i < entries && w->left && !status; i++) {
		uint64_t entry;

		memcpy(&entry, page + i * sizeof(entry), sizeof(entry));
		if (entry & OFFSET_MASK)
			return NVME_INVALID_PRP_OFFSET;
		if (i + 1 == entries && w->left > NVME_PAGE_BYTES)
			w->list = entry;
		else
			status = add(w, entry);
	}
	return status;
}

uint16_t nvme_map(const struct nvme *n, const struct nvme_sqe *e, uint32_t bytes,
		  struct iovec *iov, unsigned int *count)
{
	struct walk w = {.memory = n->memory, .list = e->prp2, .iov = iov, .left = bytes};
	uint16_t status;

	*count = 0;
	if (e->prp1 & 3)
		return NVME_INVALID_PRP_OFFSET;
	status = add(&w, e->prp1);
	if (!status && w.left && w.left <= NVME_PAGE_BYTES)
		status = e->prp2 & OFFSET_MASK ? NVME_INVALID_PRP_OFFSET : add(&w, e->prp2);
	else if (!status && e->prp2 % sizeof(uint64_t) && w.left)
		status = NVME_INVALID_PRP_OFFSET;
	while (w.left && !status)
		status = walk_list(&w);
	*count = w.count;
	return status;
}

static uint16_t copy(const struct nvme_command *c, uint8_t *buffer, uint32_t bytes, bool give)
{
	struct iovec iov[2]; /* at most a page */
	unsigned int count;
	uint16_t status = nvme_map(c->nvme, &c->sqe, bytes, iov, &count);

	for (unsigned int i = 0; i < count && !status; i++) {
		if (give)
			memcpy(iov[i].iov_base, buffer, iov[i].iov_len);
		else
			memcpy(buffer, iov[i].iov_base, iov[i].iov_len);
		buffer += iov[i].iov_len;
	}
	return status;
}

uint16_t nvme_give(const struct nvme_command *c, const void *from, uint32_t bytes)
{
	return bytes ? copy(c, (uint8_t *)from, bytes, true) : NVME_SUCCESS;
}

uint16_t nvme_take(const struct nvme_command *c, void *into, uint32_t bytes)
{
	return copy(c, into, bytes, false);
}
