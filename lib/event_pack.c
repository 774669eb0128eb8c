/* Packing events: see event_pack.h. */
#include "lib/event_pack.h"

#include <stddef.h>
#include <string.h>

#define WORDS        (sizeof(struct strata_event) / sizeof(uint64_t))
#define SLOTS        256
#define ANOTHER_SLOT 1u

_Static_assert(WORDS == 8, "a byte tells of seven words and the slot");
_Static_assert(offsetof(struct strata_event, time_ns) == 0, "the first word is the time");
_Static_assert(offsetof(struct strata_event, flow) == 8, "the second is the flow");

struct slots {
	uint64_t word[SLOTS][WORDS];
};

static unsigned int slot_of(uint64_t flow)
{
	return (unsigned int)(flow * 0x9e3779b97f4a7c15u >> 56);
}

static uint8_t *put_time(uint8_t *out, int64_t difference)
{
	uint64_t v = (uint64_t)difference << 1 ^ -(uint64_t)(difference < 0);

	for (; v >= 0x80; v >>= 7)
		*out++ = (uint8_t)(v | 0x80);
	*out++ = (uint8_t)v;
	return out;
}

/* NULL: it ends too early, or not within 64 bits. */
static const uint8_t *get_time(const uint8_t *at, const uint8_t *end, int64_t *difference)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; at < end && shift < 64; shift += 7) {
		uint8_t byte = *at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*difference = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
		return at;
	}
	return NULL;
}

/* A bit for each byte that is not 0. */
static unsigned int bytes_set(uint64_t v)
{
	v |= v >> 4;
	v |= v >> 2;
	v |= v >> 1;
	return (unsigned int)((v & 0x0101010101010101u) * 0x0102040810204080u >> 56);
}

static uint8_t *put_word(uint8_t *out, uint64_t word, uint64_t before)
{
	unsigned int differ = bytes_set(word ^ before);

	*out++ = (uint8_t)differ;
	for (; differ; differ &= differ - 1)
		*out++ = (uint8_t)(word >> 8 * __builtin_ctz(differ));
	return out;
}

/* NULL: it ends too early. */
static const uint8_t *get_word(const uint8_t *at, const uint8_t *end, uint64_t *word)
{
	unsigned int differ;

	if (at == end)
		return NULL;
	differ = *at++;
	if (end - at < __builtin_popcount(differ))
		return NULL;
	for (; differ; differ &= differ - 1) {
		unsigned int shift = 8 * (unsigned int)__builtin_ctz(differ);

		*word = (*word & ~(0xffull << shift)) | (uint64_t)*at++ << shift;
	}
	return at;
}

size_t event_pack(const void *events, size_t n, uint8_t *out)
{
	const uint8_t *from = events;
	struct slots slots = {0};
	uint64_t time = 0, word[WORDS];
	unsigned int slot = 0;
	uint8_t *at = out;

	for (size_t i = 0; i < n; i++, from += sizeof(word)) {
		uint8_t *differ = at++;
		unsigned int before = slot;
		uint64_t *last;

		memcpy(word, from, sizeof(word));
		slot = slot_of(word[1]);
		last = slots.word[slot];
		*differ = slot != before ? ANOTHER_SLOT : 0;
		if (slot != before)
			*at++ = (uint8_t)slot;
		at = put_time(at, (int64_t)(word[0] - time));
		time = word[0];
		for (unsigned int w = 1; w < WORDS; w++) {
			if (word[w] == last[w])
				continue;
			*differ |= (uint8_t)(1u << w);
			at = put_word(at, word[w], last[w]);
			last[w] = word[w];
		}
	}
	return (size_t)(at - out);
}

/* One event into its slot. NULL: it is none. */
static const uint8_t *get_event(const uint8_t *at, const uint8_t *end, struct slots *slots,
				uint8_t *slot, uint64_t *time)
{
	int64_t difference;
	uint64_t *word;
	uint8_t differ;

	if (at == end)
		return NULL;
	differ = *at++;
	if (differ & ANOTHER_SLOT) {
		if (at == end)
			return NULL;
		*slot = *at++;
	}
	at = get_time(at, end, &difference);
	if (!at)
		return NULL;
	word = slots->word[*slot];
	*time += (uint64_t)difference;
	word[0] = *time;
	for (unsigned int w = 1; w < WORDS && at; w++)
		if (differ >> w & 1)
			at = get_word(at, end, &word[w]);
	return at;
}

int event_unpack(const uint8_t *packed, size_t bytes, void *events, size_t n)
{
	const uint8_t *at = packed, *end = packed + bytes;
	struct slots slots = {0};
	uint8_t slot = 0, *to = events;
	uint64_t time = 0;

	for (size_t i = 0; i < n; i++, to += sizeof(slots.word[0])) {
		at = get_event(at, end, &slots, &slot, &time);
		if (!at)
			return -1;
		memcpy(to, slots.word[slot], sizeof(slots.word[slot]));
	}
	return at == end ? 0 : -1;
}

int event_unpack_2(const uint8_t *packed, size_t bytes, void *events, size_t n)
{
	const uint8_t *at = packed, *end = packed + bytes;
	uint64_t word[WORDS] = {0};
	uint8_t *to = events;

	for (size_t i = 0; i < n; i++, to += sizeof(word)) {
		int64_t difference;
		uint8_t differ;

		if (at == end)
			return -1;
		differ = *at++;
		at = get_time(at, end, &difference);
		if (!at || (size_t)(end - at) <
				   sizeof(uint64_t) * (size_t)__builtin_popcount(differ >> 1))
			return -1;
		word[0] += (uint64_t)difference;
		for (unsigned int w = 1; w < WORDS; w++) {
			if (!(differ >> w & 1))
				continue;
			memcpy(&word[w], at, sizeof(word[w]));
			at += sizeof(word[w]);
		}
		memcpy(to, word, sizeof(word));
	}
	return at == end ? 0 : -1;
}
