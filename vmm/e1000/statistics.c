/* The card's statistics registers. */
#include "vmm/e1000/statistics.h"

#include <string.h>

#include "vmm/virtio/counter.h"

/* Upper bounds of the first five of six classes of size. */
static const size_t size_classes[] = {64, 127, 255, 511, 1023};

static unsigned int size_class(size_t bytes)
{
	unsigned int i = 0;

	while (i < sizeof(size_classes) / sizeof(size_classes[0]) && bytes > size_classes[i])
		i++;
	return i;
}

static bool is_broadcast(const uint8_t *frame)
{
	static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return !memcmp(frame, broadcast, sizeof(broadcast));
}

void statistics_received(struct statistics *s, const uint8_t *frame, size_t bytes, bool taken)
{
	counter_add(&s->count[STAT_TPR], 1);
	counter_add(&s->count[STAT_TOR], bytes);
	if (!taken)
		return;
	counter_add(&s->count[STAT_GPRC], 1);
	counter_add(&s->count[STAT_GORC], bytes);
	counter_add(&s->count[STAT_PRC64 + size_class(bytes)], 1);
	if (frame[0] & 1)
		counter_add(&s->count[is_broadcast(frame) ? STAT_BPRC : STAT_MPRC], 1);
}

void statistics_sent(struct statistics *s, const uint8_t *frame, size_t bytes,
		     unsigned int frames)
{
	counter_add(&s->count[STAT_TPT], frames);
	counter_add(&s->count[STAT_GPTC], frames);
	counter_add(&s->count[STAT_TOT], bytes * frames);
	counter_add(&s->count[STAT_GOTC], bytes * frames);
	counter_add(&s->count[STAT_PTC64 + size_class(bytes)], frames);
	if (frame[0] & 1)
		counter_add(&s->count[is_broadcast(frame) ? STAT_BPTC : STAT_MPTC], frames);
}

static uint64_t take(struct statistics *s, unsigned int reg)
{
	uint64_t n = s->count[reg] - s->seen[reg];

	s->seen[reg] = s->count[reg];
	return n;
}

uint32_t statistics_read(struct statistics *s, unsigned int reg)
{
	uint64_t n;

	switch (reg) {
	case STAT_GORC:
	case STAT_GOTC:
	case STAT_TOR:
	case STAT_TOT:
		return (uint32_t)(s->count[reg] - s->seen[reg]);
	case STAT_GORC + 1:
	case STAT_GOTC + 1:
	case STAT_TOR + 1:
	case STAT_TOT + 1:
		/* The upper half clears both. */
		return (uint32_t)(take(s, reg - 1) >> 32);
	default:
		n = take(s, reg);
		return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	}
}

void statistics_clear(struct statistics *s)
{
	memcpy(s->seen, s->count, sizeof(s->seen));
}
