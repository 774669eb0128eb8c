/* Packing events: see event_pack.h. */
#include "lib/event_pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORDS (sizeof(struct strata_event) / sizeof(uint64_t))

_Static_assert(WORDS == 8, "a byte tells of eight words");
_Static_assert(offsetof(struct strata_event, time_ns) == 0, "the first word is the time");

static uint8_t *put_time(uint8_t *out, int64_t difference)
{
	uint64_t v = (uint64_t)difference << 1 ^ (uint64_t)(difference >> 63);

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

size_t event_pack(const void *events, size_t n, uint8_t *out)
{
	const uint8_t *from = events;
	uint64_t before[WORDS] = {0}, word[WORDS];
	uint8_t *at = out;

	for (size_t i = 0; i < n; i++, from += sizeof(word)) {
		uint8_t *differ = at++;
		unsigned int mask = 0;

		memcpy(word, from, sizeof(word));
		at = put_time(at, (int64_t)(word[0] - before[0]));
		/* all are written, and those that do not differ written over: no branch to miss
		 */
		for (unsigned int w = 1; w < WORDS; w++) {
			bool differs = word[w] != before[w];

			mask |= (unsigned int)differs << w;
			memcpy(at, &word[w], sizeof(word[w]));
			at += differs * sizeof(word[w]);
		}
		*differ = (uint8_t)mask;
		memcpy(before, word, sizeof(before));
	}
	return (size_t)(at - out);
}

int event_unpack(const uint8_t *packed, size_t bytes, void *events, size_t n)
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
