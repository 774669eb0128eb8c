/* Writing a recording: see recording.h, and recording_format.h for the bytes. */
#include "lib/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/err.h"
#include "lib/event_pack.h"
#include "lib/now.h"
#include "lib/recording_format.h"
#include "lib/recording_ring.h"

#define BUFFER_BYTES (256u << 10) /* gathered before a block is written */
#define ZSTD_LEVEL   -8           /* fast: the tracer's own CPU time is part of its result */

struct buffer {
	uint8_t *bytes;
	size_t used;
	uint64_t records;
	uint64_t from_ns; /* its first record was gathered */
};

struct recording_writer {
	int fd;
	char *path;
	off_t end; /* of the last whole block */
	uint64_t sequence;
	uint64_t lost_again[LOST_STAGES]; /* told in blocks that were discarded */
	uint64_t dropped; /* events that could not be written and were not yet told of */
	struct buffer buffer[BLOCK_KINDS];
	struct recording_ring *ring; /* NULL: its room is not bounded */
	ZSTD_CCtx *zstd;
	uint8_t *packed;
	size_t packed_bytes;
	uint8_t *events; /* those of a block, packed */
};

const char *lost_stage_name(enum lost_stage s)
{
	static const char *const names[LOST_STAGES] = {"host probes", "guest probes", "vmm",
						       "recording"};

	return names[s];
}

uint32_t block_crc(const struct block_header *h, const void *stored)
{
	struct block_header plain = *h;
	uLong crc;

	plain.crc = 0;
	crc = crc32(crc32(0, NULL, 0), (const Bytef *)&plain, sizeof(plain));
	/* given no bytes and no place, crc32() would start anew */
	return (uint32_t)(h->stored && h->kind != BLOCK_GONE ? crc32(crc, stored, h->stored)
							     : crc);
}

static int write_all(struct recording_writer *w, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	while (bytes) {
		ssize_t n = write(w->fd, p, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!n)
				errno = ENOSPC;
			return err_errno("%s: cannot write the recording (what was written "
					 "before stays readable)",
					 w->path);
		}
		p += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* The ring learns of a block that was written. What it discarded of losses is told again. */
static int note_block(struct recording_writer *w, const struct block_header *h, const void *raw)
{
	struct recording_block b = {.bytes = (uint32_t)sizeof(*h) + h->stored,
				    .at = (uint64_t)w->end - sizeof(*h) - h->stored,
				    .kind = h->kind,
				    .sequence = h->sequence,
				    .from_ns = w->buffer[h->kind].from_ns,
				    .to_ns = now_ns()};
	uint64_t lost[LOST_STAGES] = {0};
	const struct block_lost *l = raw;

	for (size_t i = 0; h->kind == BLOCK_LOST && i < h->raw / sizeof(*l); i++)
		b.lost[l[i].stage] += l[i].count;
	if (recording_ring_add(w->ring, &b, lost))
		return -1;
	for (int i = 0; i < LOST_STAGES; i++)
		w->lost_again[i] += lost[i];
	return 0;
}

/* One block, or nothing: what was half written is cut off again. */
static int put_block(struct recording_writer *w, enum block_kind kind, const void *raw,
		     size_t bytes)
{
	struct block_header h = {.magic = BLOCK_MAGIC,
				 .kind = (uint16_t)kind,
				 .stored = (uint32_t)bytes,
				 .raw = (uint32_t)bytes,
				 .sequence = w->sequence};
	const void *stored = raw;
	size_t packed;

	if (kind == BLOCK_EVENTS) {
		packed = event_pack(raw, bytes / sizeof(struct strata_event), w->events);
		if (packed < bytes) {
			h.flags = BLOCK_PACKED;
			h.stored = (uint32_t)packed;
			bytes = packed;
			stored = w->events;
		}
	}
	packed = bytes ? ZSTD_compressCCtx(w->zstd, w->packed, w->packed_bytes, stored, bytes,
					   ZSTD_LEVEL)
		       : 0;
	if (bytes && !ZSTD_isError(packed) && packed < bytes) {
		h.flags |= BLOCK_ZSTD;
		h.stored = (uint32_t)packed;
		stored = w->packed;
	}
	h.crc = block_crc(&h, stored);
	if (write_all(w, &h, sizeof(h)) || write_all(w, stored, h.stored)) {
		if (!ftruncate(w->fd, w->end))
			lseek(w->fd, w->end, SEEK_SET);
		return -1;
	}
	w->end += (off_t)(sizeof(h) + h.stored);
	w->sequence++;
	return w->ring && kind != BLOCK_END ? note_block(w, &h, raw) : 0;
}

static int flush_kind(struct recording_writer *w, enum block_kind kind)
{
	struct buffer *b = &w->buffer[kind];
	int failed = b->used ? put_block(w, kind, b->bytes, b->used) : 0;

	if (failed && (kind == BLOCK_EVENTS || kind == BLOCK_WIRE))
		w->dropped += b->records;
	b->used = 0;
	b->records = 0;
	return failed;
}

static int gather(struct recording_writer *w, enum block_kind kind, const void *head,
		  size_t head_bytes, const void *tail, size_t tail_bytes)
{
	struct buffer *b = &w->buffer[kind];

	if (b->used + head_bytes + tail_bytes > BUFFER_BYTES && flush_kind(w, kind))
		return -1;
	if (!b->used)
		b->from_ns = w->ring ? now_ns() : 0;
	memcpy(b->bytes + b->used, head, head_bytes);
	if (tail_bytes)
		memcpy(b->bytes + b->used + head_bytes, tail, tail_bytes);
	b->used += head_bytes + tail_bytes;
	b->records++;
	return 0;
}

static void writer_free(struct recording_writer *w)
{
	for (int i = 0; i < BLOCK_KINDS; i++)
		free(w->buffer[i].bytes);
	recording_ring_destroy(w->ring);
	ZSTD_freeCCtx(w->zstd);
	free(w->packed);
	free(w->events);
	free(w->path);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

static int writer_allocate(struct recording_writer *w, const char *path)
{
	const size_t events = BUFFER_BYTES / sizeof(struct strata_event);

	w->packed_bytes = ZSTD_compressBound(BLOCK_RAW_MAX);
	w->packed = malloc(w->packed_bytes);
	w->events = malloc(event_pack_bound(events));
	w->zstd = ZSTD_createCCtx();
	w->path = strdup(path);
	if (!w->packed || !w->events || !w->zstd || !w->path)
		return err_set("%s: out of memory for a recording", path);
	for (int i = BLOCK_EVENTS; i < BLOCK_END; i++) {
		w->buffer[i].bytes = malloc(BUFFER_BYTES);
		if (!w->buffer[i].bytes)
			return err_set("%s: out of memory for a recording", path);
	}
	return 0;
}

struct recording_writer *recording_create(const char *path)
{
	struct recording_header h = {.magic = RECORDING_MAGIC, .version = RECORDING_VERSION};
	struct recording_writer *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set("%s: out of memory for a recording", path);
		return NULL;
	}
	w->fd = -1;
	if (writer_allocate(w, path))
		goto fail;
	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0) {
		err_errno("%s: cannot create the recording", path);
		goto fail;
	}
	if (write_all(w, &h, sizeof(h)))
		goto fail;
	w->end = sizeof(h);
	return w;
fail:
	writer_free(w);
	return NULL;
}

int recording_meta(struct recording_writer *w, const json_t *meta)
{
	char *text = json_dumps(meta, JSON_COMPACT);
	int failed;

	if (!text)
		return err_set("%s: the recording's description is no JSON object", w->path);
	if (strlen(text) > BLOCK_RAW_MAX)
		failed = err_set("%s: the recording's description is larger than %u bytes",
				 w->path, BLOCK_RAW_MAX);
	else
		failed = put_block(w, BLOCK_META, text, strlen(text));
	free(text);
	return failed;
}

int recording_events(struct recording_writer *w, const struct strata_event *e, size_t count)
{
	struct buffer *b = &w->buffer[BLOCK_EVENTS];

	while (count) {
		size_t n = (BUFFER_BYTES - b->used) / sizeof(*e);

		if (!n && flush_kind(w, BLOCK_EVENTS))
			return -1;
		if (!n)
			continue;
		if (!b->used)
			b->from_ns = w->ring ? now_ns() : 0;
		n = n < count ? n : count;
		memcpy(b->bytes + b->used, e, n * sizeof(*e));
		b->used += n * sizeof(*e);
		b->records += n;
		e += n;
		count -= n;
	}
	return 0;
}

int recording_event(struct recording_writer *w, const struct strata_event *e)
{
	return recording_events(w, e, 1);
}

int recording_wire(struct recording_writer *w, const struct strata_wire *wire)
{
	if (wire->captured > WIRE_PAYLOAD_MAX)
		return err_set("%s: a wire record claims %u captured bytes of %u", w->path,
			       wire->captured, WIRE_PAYLOAD_MAX);
	return gather(w, BLOCK_WIRE, wire, WIRE_HEAD, wire->payload, wire->captured);
}

int recording_clock(struct recording_writer *w, unsigned int domain,
		    const struct clock_sample *s)
{
	struct block_clock c = {.domain = domain, .sample = *s};

	return gather(w, BLOCK_CLOCK, &c, sizeof(c), NULL, 0);
}

int recording_lost(struct recording_writer *w, enum lost_stage stage, uint64_t count)
{
	struct block_lost l = {.stage = stage, .count = count};

	return count ? gather(w, BLOCK_LOST, &l, sizeof(l), NULL, 0) : 0;
}

int recording_flush(struct recording_writer *w)
{
	uint64_t dropped;
	int failed = 0;

	for (int i = BLOCK_EVENTS; i < BLOCK_LOST; i++)
		failed |= flush_kind(w, i);
	for (int i = 0; i < LOST_STAGES; i++) {
		failed |= recording_lost(w, (enum lost_stage)i, w->lost_again[i]);
		w->lost_again[i] = 0;
	}
	dropped = w->dropped;
	if (dropped && !recording_lost(w, LOST_RECORDING, dropped))
		w->dropped = 0;
	if (flush_kind(w, BLOCK_LOST)) {
		w->dropped = dropped;
		failed = -1;
	}
	return failed ? -1 : 0;
}

int recording_bound(struct recording_writer *w, uint64_t bytes)
{
	w->ring = recording_ring_create(w->fd, w->path, bytes);
	return w->ring ? 0 : -1;
}

void recording_keep(struct recording_writer *w, uint64_t from_ns, uint64_t to_ns)
{
	if (w->ring)
		recording_ring_keep(w->ring, from_ns, to_ns);
}

int recording_close(struct recording_writer *w)
{
	int failed = recording_flush(w);

	/* the last blocks may have taken the place of some that told of losses */
	if (!failed && w->ring)
		failed = recording_flush(w);
	if (!failed)
		failed = put_block(w, BLOCK_END, NULL, 0);
	if (close(w->fd) && !failed)
		failed = err_errno("%s: closing the recording", w->path);
	w->fd = -1;
	writer_free(w);
	return failed;
}
