/* The shared-memory ring: see ring.h for who may do what. */
#include "lib/ring.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"

static struct ring_lane *lane_of(const struct ring *r, uint32_t lane)
{
	uint8_t *base = (uint8_t *)r->header + RING_HEADER_BYTES;
	size_t bytes =
		sizeof(struct ring_lane) + (size_t)r->capacity * sizeof(struct strata_event);

	return (struct ring_lane *)(base + lane * bytes);
}

static struct strata_event *slots_of(struct ring_lane *l)
{
	return (struct strata_event *)(l + 1);
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

size_t ring_bytes(uint32_t lanes, uint32_t capacity)
{
	return RING_HEADER_BYTES + lanes * (sizeof(struct ring_lane) +
					    (size_t)capacity * sizeof(struct strata_event));
}

uint32_t ring_capacity_for(size_t bytes, uint32_t lanes)
{
	uint32_t capacity = 1u << 20;

	while (capacity && ring_bytes(lanes, capacity) > bytes)
		capacity >>= 1;
	return capacity;
}

int ring_create(struct ring *r, void *mem, size_t bytes, uint32_t lanes, uint32_t capacity)
{
	if (!lanes || lanes > RING_LANES_MAX || !power_of_two(capacity))
		return err_set("event ring: %u lanes of %u events is no valid geometry", lanes,
			       capacity);
	if (ring_bytes(lanes, capacity) > bytes)
		return err_set(
			"event ring: %u lanes of %u events need %zu bytes, there are %zu",
			lanes, capacity, ring_bytes(lanes, capacity), bytes);
	memset(mem, 0, RING_HEADER_BYTES);
	memset(r, 0, sizeof(*r));
	r->header = mem;
	r->lanes = lanes;
	r->capacity = capacity;
	for (uint32_t i = 0; i < lanes; i++)
		memset(lane_of(r, i), 0, sizeof(struct ring_lane));
	r->header->version = RING_VERSION;
	r->header->lanes = lanes;
	r->header->capacity = capacity;
	/* pairs with the acquire in ring_attach(): the geometry is there before the magic */
	__atomic_store_n(&r->header->magic, RING_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

int ring_attach(struct ring *r, void *mem, size_t bytes)
{
	struct ring_header *h = mem;

	memset(r, 0, sizeof(*r));
	if (bytes < RING_HEADER_BYTES ||
	    __atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != RING_MAGIC)
		return err_set("event ring: not laid out yet, or not an event ring");
	if (h->version != RING_VERSION)
		return err_set("event ring: version %u, this program reads %u", h->version,
			       RING_VERSION);
	/* one read each: the producer may change them under us */
	uint32_t lanes = __atomic_load_n(&h->lanes, __ATOMIC_RELAXED);
	uint32_t capacity = __atomic_load_n(&h->capacity, __ATOMIC_RELAXED);

	if (!lanes || lanes > RING_LANES_MAX || !power_of_two(capacity) ||
	    ring_bytes(lanes, capacity) > bytes)
		return err_set(
			"event ring: its header claims %u lanes of %u events in %zu bytes",
			lanes, capacity, bytes);
	r->header = h;
	r->lanes = lanes;
	r->capacity = capacity;
	for (uint32_t i = 0; i < lanes; i++) {
		struct ring_lane *l = lane_of(r, i);

		r->tail[i] = atomic_load_explicit(&l->head, memory_order_acquire);
		r->tail_lost[i] = atomic_load_explicit(&l->lost, memory_order_relaxed);
		atomic_store_explicit(&l->tail, r->tail[i], memory_order_release);
	}
	r->upstream_lost = atomic_load_explicit(&h->upstream_lost, memory_order_relaxed);
	return 0;
}

bool ring_put(struct ring *r, uint32_t lane, const struct strata_event *e)
{
	return ring_put_record(r, lane, e, 1);
}

bool ring_put_record(struct ring *r, uint32_t lane, const void *record, uint32_t slots)
{
	struct ring_lane *l = lane_of(r, lane);
	uint64_t head = atomic_load_explicit(&l->head, memory_order_relaxed);
	/* pairs with the release in ring_take(): the slot was read before it is written again
	 */
	uint64_t tail = atomic_load_explicit(&l->tail, memory_order_acquire);

	if (head - tail + slots > r->capacity) {
		atomic_fetch_add_explicit(&l->lost, 1, memory_order_relaxed);
		return false;
	}
	for (uint32_t i = 0; i < slots; i++)
		slots_of(l)[(head + i) & (r->capacity - 1)] =
			((const struct strata_event *)record)[i];
	/* pairs with the acquire in ring_take(): the event is there before the head says so */
	atomic_store_explicit(&l->head, head + slots, memory_order_release);
	return true;
}

size_t ring_take(struct ring *r, uint32_t lane, struct strata_event *out, size_t max)
{
	struct ring_lane *l = lane_of(r, lane);
	uint64_t head = atomic_load_explicit(&l->head, memory_order_acquire);
	uint64_t n = head - r->tail[lane];

	if (n > r->capacity) { /* a producer that lies: resynchronise, and call what was skipped
				  lost */
		r->skipped += n - r->capacity < r->capacity ? n - r->capacity : r->capacity;
		r->tail[lane] = head;
		n = 0;
	}
	if (n > max)
		n = max;
	for (uint64_t i = 0; i < n; i++)
		out[i] = slots_of(l)[(r->tail[lane] + i) & (r->capacity - 1)];
	r->tail[lane] += n;
	atomic_store_explicit(&l->tail, r->tail[lane], memory_order_release);
	return n;
}

uint64_t ring_lost(struct ring *r)
{
	uint64_t upstream =
		atomic_load_explicit(&r->header->upstream_lost, memory_order_relaxed);
	uint64_t lost = r->skipped + (upstream - r->upstream_lost);

	r->skipped = 0;
	r->upstream_lost = upstream;
	for (uint32_t i = 0; i < r->lanes; i++) {
		uint64_t now = atomic_load_explicit(&lane_of(r, i)->lost, memory_order_relaxed);

		lost += now - r->tail_lost[i];
		r->tail_lost[i] = now;
	}
	return lost;
}

uint32_t ring_start(struct ring *r, const char *request)
{
	struct ring_header *h = r->header;
	uint32_t wanted = atomic_load_explicit(&h->wanted, memory_order_relaxed);
	uint32_t answered = atomic_load_explicit(&h->state_generation, memory_order_relaxed);
	uint32_t generation = r->generation;

	/* a consumer before us, perhaps killed, must not have its answer taken for ours */
	do
		generation++;
	while (!generation || generation == wanted || generation == answered);
	snprintf(r->header->request, sizeof(r->header->request), "%s",
		 request ? request : "{}");
	r->generation = generation;
	/* pairs with the producer's acquire load: the request is there before it is wanted */
	atomic_store_explicit(&r->header->wanted, generation, memory_order_release);
	return generation;
}

void ring_stop(struct ring *r)
{
	atomic_store_explicit(&r->header->wanted, 0, memory_order_release);
}

void ring_answer(struct ring *r, enum ring_state state, uint32_t generation, const char *text)
{
	snprintf(r->header->answer, sizeof(r->header->answer), "%s", text ? text : "{}");
	atomic_store_explicit(&r->header->state_generation, generation, memory_order_relaxed);
	atomic_store_explicit(&r->header->state, state, memory_order_release);
}

enum ring_state ring_state(const struct ring *r, uint32_t generation, char *text, size_t bytes)
{
	uint32_t state = atomic_load_explicit(&r->header->state, memory_order_acquire);

	if (atomic_load_explicit(&r->header->state_generation, memory_order_relaxed) !=
	    generation)
		return RING_IDLE;
	if (text)
		snprintf(text, bytes, "%.*s", (int)sizeof(r->header->answer) - 1,
			 r->header->answer);
	return state <= RING_FAILED ? (enum ring_state)state : RING_FAILED;
}

void ring_clock_put(struct ring *r, uint64_t tsc, uint64_t time_ns, uint64_t bracket)
{
	struct ring_clock *c = &r->header->clock;
	uint32_t s = atomic_load_explicit(&c->sequence, memory_order_relaxed);

	atomic_store_explicit(&c->sequence, s + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	c->tsc = tsc;
	c->time_ns = time_ns;
	c->bracket = bracket;
	atomic_store_explicit(&c->sequence, s + 2, memory_order_release);
}

bool ring_clock_get(struct ring *r, uint64_t *tsc, uint64_t *time_ns, uint64_t *bracket)
{
	const struct ring_clock *c = &r->header->clock;

	for (int tries = 0; tries < 100; tries++) {
		uint32_t before = atomic_load_explicit(&c->sequence, memory_order_acquire);

		*tsc = c->tsc;
		*time_ns = c->time_ns;
		*bracket = c->bracket;
		atomic_thread_fence(memory_order_acquire);
		if (before && !(before & 1) &&
		    before == atomic_load_explicit(&c->sequence, memory_order_relaxed))
			return true;
	}
	return false;
}
