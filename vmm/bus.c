/*
 * A bus: a sorted array of ranges behind a read-write lock. The lock covers the look-up only,
 * not the handler: a handler may itself move ranges (a write to a BAR does).
 */
#include "vmm/bus.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

struct bus {
	pthread_rwlock_t lock;
	struct bus_range **ranges; /* by base, without overlap */
	size_t count, room;
	uint64_t unclaimed_reads, unclaimed_writes;
};

struct bus *bus_create(void)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (!b) {
		err_errno("cannot make a bus");
		return NULL;
	}
	pthread_rwlock_init(&b->lock, NULL);
	return b;
}

void bus_destroy(struct bus *b)
{
	if (!b)
		return;
	pthread_rwlock_destroy(&b->lock);
	free(b->ranges);
	free(b);
}

/* Index of the first range whose base lies above addr. */
static size_t first_above(const struct bus *b, uint64_t addr)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (b->ranges[mid]->base > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool reaches(const struct bus_range *r, uint64_t addr)
{
	return addr >= r->base && addr - r->base < r->bytes;
}

static int overlap_error(const struct bus_range *r, const struct bus_range *other)
{
	return err_set("%s at 0x%llx would overlap %s at 0x%llx", r->name,
		       (unsigned long long)r->base, other->name,
		       (unsigned long long)other->base);
}

static int add_locked(struct bus *b, struct bus_range *r)
{
	size_t at = first_above(b, r->base);

	if (at > 0 && reaches(b->ranges[at - 1], r->base))
		return overlap_error(r, b->ranges[at - 1]);
	if (at < b->count && b->ranges[at]->base - r->base < r->bytes)
		return overlap_error(r, b->ranges[at]);
	if (b->count == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		struct bus_range **grown = realloc(b->ranges, room * sizeof(*grown));

		if (!grown)
			return err_errno("cannot add %s to the bus", r->name);
		b->ranges = grown;
		b->room = room;
	}
	memmove(b->ranges + at + 1, b->ranges + at, (b->count - at) * sizeof(*b->ranges));
	b->ranges[at] = r;
	b->count++;
	return 0;
}

int bus_add(struct bus *b, struct bus_range *r)
{
	int ret;

	if (r->bytes == 0 || r->base + (r->bytes - 1) < r->base)
		return err_set("%s: %llu bytes at 0x%llx are not a range", r->name,
			       (unsigned long long)r->bytes, (unsigned long long)r->base);
	pthread_rwlock_wrlock(&b->lock);
	ret = add_locked(b, r);
	pthread_rwlock_unlock(&b->lock);
	return ret;
}

void bus_remove(struct bus *b, struct bus_range *r)
{
	pthread_rwlock_wrlock(&b->lock);
	for (size_t i = 0; i < b->count; i++) {
		if (b->ranges[i] != r)
			continue;
		b->count--;
		memmove(b->ranges + i, b->ranges + i + 1, (b->count - i) * sizeof(*b->ranges));
		break;
	}
	pthread_rwlock_unlock(&b->lock);
}

/* The range that holds the whole access, or NULL. *offset is only set with a range. */
static struct bus_range *find(struct bus *b, uint64_t addr, unsigned int size, uint64_t *offset)
{
	struct bus_range *r = NULL;
	size_t at;

	pthread_rwlock_rdlock(&b->lock);
	at = first_above(b, addr);
	if (at > 0 && reaches(b->ranges[at - 1], addr))
		r = b->ranges[at - 1];
	if (r) {
		*offset = addr - r->base;
		if (size > r->bytes - *offset)
			r = NULL;
	}
	pthread_rwlock_unlock(&b->lock);
	return r;
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static uint64_t ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ULL << (8 * size)) - 1;
}

uint64_t bus_read(struct bus *b, uint64_t addr, unsigned int size)
{
	uint64_t offset;
	struct bus_range *r = find(b, addr, size, &offset);

	if (!r) {
		count(&b->unclaimed_reads);
		return ones(size);
	}
	count(&r->reads);
	return r->read ? r->read(r, offset, size) & ones(size) : ones(size);
}

void bus_write(struct bus *b, uint64_t addr, uint64_t value, unsigned int size)
{
	uint64_t offset;
	struct bus_range *r = find(b, addr, size, &offset);

	if (!r) {
		count(&b->unclaimed_writes);
		return;
	}
	count(&r->writes);
	if (r->write)
		r->write(r, offset, value & ones(size), size);
}

void bus_each(struct bus *b, void (*fn)(const struct bus_range *r, void *arg), void *arg)
{
	pthread_rwlock_rdlock(&b->lock);
	for (size_t i = 0; i < b->count; i++)
		fn(b->ranges[i], arg);
	pthread_rwlock_unlock(&b->lock);
}

void bus_unclaimed(struct bus *b, uint64_t *reads, uint64_t *writes)
{
	*reads = __atomic_load_n(&b->unclaimed_reads, __ATOMIC_RELAXED);
	*writes = __atomic_load_n(&b->unclaimed_writes, __ATOMIC_RELAXED);
}
