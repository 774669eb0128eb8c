/* A ring over a stream: see ring_stream.h. */
#include "lib/ring_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"

#define LANE       0
#define BATCH      (RING_FRAME_BYTES_MAX / sizeof(struct strata_event))
#define TEXT_BYTES (RING_NOTE_BYTES / 2)
#define READS_MAX  256 /* then it is others' turn, however much there is */

struct clock_frame {
	uint64_t tsc, time_ns, bracket;
};

int ring_stream_create(struct ring_stream *s, void *memory, size_t bytes, bool producer)
{
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	s->producer = producer;
	return ring_attach(&s->ring, memory, bytes);
}

void ring_stream_begin(struct ring_stream *s, int fd)
{
	s->fd = fd;
	s->in_used = s->out_used = s->out_sent = 0;
	s->told_wanted = s->told_generation = s->told_state = 0;
	s->told_clock = 0;
	s->told_lost = 0;
}

/* ---- out ---- */

static size_t room(const struct ring_stream *s)
{
	return sizeof(s->out) - s->out_used;
}

/* There is room: turn() begins with none used, and each kind of frame is put at most once. */
static void put(struct ring_stream *s, enum ring_frame_type type, uint32_t generation,
		const void *head, size_t head_bytes, const void *body, size_t body_bytes)
{
	struct ring_frame f = {.magic = RING_FRAME_MAGIC,
			       .type = type,
			       .generation = generation,
			       .bytes = (uint32_t)(head_bytes + body_bytes)};
	uint8_t *to = s->out + s->out_used;

	memcpy(to, &f, sizeof(f));
	memcpy(to + sizeof(f), head, head_bytes);
	memcpy(to + sizeof(f) + head_bytes, body, body_bytes);
	s->out_used += sizeof(f) + head_bytes + body_bytes;
}

static void tell_wanted(struct ring_stream *s)
{
	struct ring_header *h = s->ring.header;
	uint32_t wanted = atomic_load_explicit(&h->wanted, memory_order_acquire);

	if (wanted == s->told_wanted)
		return;
	s->told_wanted = wanted;
	if (wanted)
		put(s, RING_FRAME_REQUEST, wanted, h->request,
		    strnlen(h->request, TEXT_BYTES - 1), "", 0);
	else
		put(s, RING_FRAME_STOP, 0, "", 0, "", 0);
}

static void tell_answer(struct ring_stream *s)
{
	struct ring_header *h = s->ring.header;
	uint32_t state = atomic_load_explicit(&h->state, memory_order_acquire);
	uint32_t generation = atomic_load_explicit(&h->state_generation, memory_order_relaxed);

	if (!generation || (state == s->told_state && generation == s->told_generation))
		return;
	s->told_state = state;
	s->told_generation = generation;
	put(s, RING_FRAME_ANSWER, generation, &state, sizeof(state), h->answer,
	    strnlen(h->answer, TEXT_BYTES - 1));
}

static void tell_clock(struct ring_stream *s)
{
	struct ring_clock *clock = &s->ring.header->clock;
	uint32_t sequence = atomic_load_explicit(&clock->sequence, memory_order_acquire);
	struct clock_frame c;

	if (sequence == s->told_clock ||
	    !ring_clock_get(&s->ring, &c.tsc, &c.time_ns, &c.bracket))
		return;
	s->told_clock = sequence;
	put(s, RING_FRAME_CLOCK, s->told_generation, &c, sizeof(c), "", 0);
}

static void tell_lost(struct ring_stream *s, uint32_t wanted)
{
	uint64_t lost = s->told_lost + ring_lost(&s->ring);

	if (lost == s->told_lost)
		return;
	s->told_lost = lost;
	put(s, RING_FRAME_LOST, wanted, &lost, sizeof(lost), "", 0);
}

/* Are that all there are? */
static bool tell_events(struct ring_stream *s, uint32_t wanted)
{
	struct strata_event batch[BATCH];

	while (room(s) >= sizeof(struct ring_frame) + sizeof(batch)) {
		size_t n = ring_take(&s->ring, LANE, batch, BATCH);

		if (!n)
			return true;
		put(s, RING_FRAME_EVENTS, wanted, batch, n * sizeof(batch[0]), "", 0);
	}
	return false;
}

static void gather(struct ring_stream *s)
{
	uint32_t wanted = s->told_wanted;
	bool all;

	s->out_used = s->out_sent = 0;
	if (!s->producer) {
		tell_wanted(s);
		return;
	}
	tell_lost(s, wanted);
	tell_clock(s);
	/* whoever says that there are no more events says so after the last of them */
	all = atomic_load_explicit(&s->ring.header->state, memory_order_relaxed) != RING_IDLE;
	if (all)
		tell_answer(s);
	if (tell_events(s, wanted) && !all)
		tell_answer(s);
}

/* A socket whose other end has gone must not end us. */
static ssize_t write_some(const struct ring_stream *s)
{
	const uint8_t *from = s->out + s->out_sent;
	size_t bytes = s->out_used - s->out_sent;
	ssize_t n = send(s->fd, from, bytes, MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(s->fd, from, bytes) : n;
}

/* 1: all is sent, 0: the stream is full, -1: it is gone. */
static int send_out(struct ring_stream *s)
{
	while (s->out_sent < s->out_used) {
		ssize_t n = write_some(s);

		if (n > 0)
			s->out_sent += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else
			return n == 0 || errno == EAGAIN ? 0 : -1;
	}
	return 1;
}

/* ---- in ---- */

static void take_text(char *to, const void *from, size_t bytes)
{
	size_t n = bytes < TEXT_BYTES - 1 ? bytes : TEXT_BYTES - 1;

	memcpy(to, from, n);
	to[n] = '\0';
}

/* What is in the ring was for somebody else. */
static void take_request(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	struct ring_header *h = s->ring.header;
	struct strata_event old[BATCH];

	while (ring_take(&s->ring, LANE, old, BATCH))
		;
	take_text(h->request, body, f->bytes);
	s->told_wanted = f->generation;
	s->told_generation = 0; /* answer again, even if that was said before */
	atomic_store_explicit(&h->wanted, f->generation, memory_order_release);
}

static void take_stop(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	(void)f;
	(void)body;
	atomic_store_explicit(&s->ring.header->wanted, 0, memory_order_release);
}

static void take_answer(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	char text[TEXT_BYTES];
	uint32_t state;

	if (f->bytes < sizeof(state))
		return;
	memcpy(&state, body, sizeof(state));
	take_text(text, body + sizeof(state), f->bytes - sizeof(state));
	ring_answer(&s->ring, state <= RING_FAILED ? (enum ring_state)state : RING_FAILED,
		    f->generation, text);
}

static void take_clock(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	struct clock_frame c;

	if (f->bytes != sizeof(c))
		return;
	memcpy(&c, body, sizeof(c));
	ring_clock_put(&s->ring, c.tsc, c.time_ns, c.bracket);
}

static void take_lost(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	uint64_t lost;

	if (f->bytes != sizeof(lost))
		return;
	memcpy(&lost, body, sizeof(lost));
	atomic_store_explicit(&s->ring.header->upstream_lost, lost, memory_order_relaxed);
}

static void take_events(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body)
{
	struct strata_event e;

	if (f->generation != s->told_wanted && s->told_wanted)
		return; /* of a consumer before us */
	for (size_t i = 0; i + sizeof(e) <= f->bytes; i += sizeof(e)) {
		memcpy(&e, body + i, sizeof(e));
		ring_put(&s->ring, LANE, &e);
	}
}

static const struct {
	void (*take)(struct ring_stream *s, const struct ring_frame *f, const uint8_t *body);
	bool by_producer;
} frames[RING_FRAME_TYPES] = {
	[RING_FRAME_REQUEST] = {take_request, false}, [RING_FRAME_STOP] = {take_stop, false},
	[RING_FRAME_ANSWER] = {take_answer, true},    [RING_FRAME_CLOCK] = {take_clock, true},
	[RING_FRAME_LOST] = {take_lost, true},        [RING_FRAME_EVENTS] = {take_events, true},
};

static bool plausible(const struct ring_frame *f)
{
	return f->magic == RING_FRAME_MAGIC && f->type < RING_FRAME_TYPES &&
	       f->bytes <= RING_FRAME_BYTES_MAX;
}

static void drop(struct ring_stream *s, size_t bytes)
{
	s->in_used -= bytes;
	memmove(s->in, s->in + bytes, s->in_used);
}

/* To where a frame may begin. */
static void resynchronise(struct ring_stream *s)
{
	const uint64_t magic = RING_FRAME_MAGIC;
	size_t at = 1;

	while (at + sizeof(magic) <= s->in_used && memcmp(s->in + at, &magic, sizeof(magic)))
		at++;
	s->skipped_bytes += at;
	drop(s, at);
}

/* Is there room in the ring for all that one frame can hold? */
static bool can_take(const struct ring_stream *s)
{
	const struct ring_lane *l =
		(const void *)((const uint8_t *)s->ring.header + RING_HEADER_BYTES);
	uint64_t head = atomic_load_explicit(&l->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&l->tail, memory_order_acquire);

	return s->producer || head - tail + BATCH <= s->ring.capacity;
}

/* false: no whole frame is there, or no room for it. */
static bool take_frame(struct ring_stream *s)
{
	struct ring_frame f = {0};

	while (s->in_used >= sizeof(f)) {
		memcpy(&f, s->in, sizeof(f));
		if (plausible(&f))
			break;
		resynchronise(s);
	}
	if (s->in_used < sizeof(f) || s->in_used < sizeof(f) + f.bytes || !can_take(s))
		return false;
	if (frames[f.type].by_producer != s->producer)
		frames[f.type].take(s, &f, s->in + sizeof(f));
	drop(s, sizeof(f) + f.bytes);
	return true;
}

/* -1: the other side is gone. */
static int read_in(struct ring_stream *s)
{
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n;

		while (take_frame(s))
			;
		if (s->in_used == sizeof(s->in))
			return 0; /* the ring is full */
		n = read(s->fd, s->in + s->in_used, sizeof(s->in) - s->in_used);
		if (n > 0)
			s->in_used += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else
			return n < 0 && errno == EAGAIN ? 0 : -1;
	}
	return 0;
}

int ring_stream_turn(struct ring_stream *s)
{
	int sent = 1;

	if (s->fd < 0)
		return -1;
	if (read_in(s))
		goto gone;
	/* what was gathered goes out whole before there is more */
	for (int i = 0; i < 64 && sent > 0; i++) {
		sent = send_out(s);
		if (sent > 0) {
			gather(s);
			if (!s->out_used)
				return 0;
		}
	}
	if (sent >= 0)
		return 0;
gone:
	if (s->producer)
		atomic_store_explicit(&s->ring.header->wanted, 0, memory_order_release);
	return -1;
}
