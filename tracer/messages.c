/* Interrupts that VMs were sent: see messages.h. */
#include "tracer/messages.h"

#include <stdbool.h>

static struct message *find(struct messages *m, uint8_t vm, uint32_t address, uint32_t data)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->at[i].vm == vm && m->at[i].address == address && m->at[i].data == data)
			return &m->at[i];
	return NULL;
}

void messages_sent(struct messages *m, uint8_t vm, uint32_t address, uint32_t data,
		   uint32_t tid)
{
	struct message *found = find(m, vm, address, data);

	if (!found && m->count == MESSAGES_MAX) {
		m->others++;
		return;
	}
	if (!found) {
		found = &m->at[m->count++];
		*found = (struct message){
			.address = address, .data = data, .tid = tid, .vm = vm};
	}
	if (found->tid != tid)
		found->tid = 0;
	found->sent++;
}

void messages_announced(struct messages *m, uint8_t vm, uint32_t address, uint32_t data)
{
	struct message *found = find(m, vm, address, data);

	if (found)
		found->requests++;
}

unsigned int message_vector(const struct message *m)
{
	return m->data & 0xff;
}

unsigned int message_destination(const struct message *m)
{
	return (m->address >> 12 & 0xff) | (m->address >> 5 & 0x7f) << 8;
}

static bool before(const struct message *a, const struct message *b)
{
	return a->requests > b->requests;
}

size_t messages_of_requests(const struct messages *m, size_t *indices, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++) {
		size_t at;

		if (!m->at[i].requests)
			continue;
		for (at = n; at && before(&m->at[i], &m->at[indices[at - 1]]); at--)
			if (at < max)
				indices[at] = indices[at - 1];
		if (at < max) {
			indices[at] = i;
			n += n < max;
		}
	}
	return n;
}
