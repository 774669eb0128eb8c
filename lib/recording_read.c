/*
 * Reading a recording: every byte of it may be wrong. A block that fails its check is
 * skipped, and the next good one is looked for from the byte after its start.
 */
#include "lib/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/err.h"
#include "lib/event_pack.h"
#include "lib/recording_format.h"

struct reader {
	int fd;
	const char *path;
	uint64_t at; /* of the next block */
	uint64_t size;
	uint64_t sequence;              /* expected next */
	uint8_t *stored, *raw, *events; /* as they are in the file, decompressed, unpacked */
	ZSTD_DCtx *zstd;
	const struct recording_visitor *v;
	struct recording_end *end;
};

static int read_at(struct reader *r, void *to, size_t bytes, uint64_t at)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n =
			pread(r->fd, (uint8_t *)to + done, bytes - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno("%s: cannot read the recording", r->path);
		if (!n)
			return err_set("%s: the recording became shorter while it was read",
				       r->path);
		done += (size_t)n;
	}
	return 0;
}

static bool header_plausible(const struct block_header *h, uint64_t room)
{
	if (h->magic == BLOCK_MAGIC && h->kind == BLOCK_GONE)
		return h->raw && h->stored <= room;
	return h->magic == BLOCK_MAGIC && h->kind >= BLOCK_META && h->kind < BLOCK_KINDS &&
	       h->raw <= BLOCK_RAW_MAX && h->stored <= h->raw && h->stored <= room &&
	       (h->flags & (BLOCK_ZSTD | BLOCK_PACKED | BLOCK_PACKED_2) || h->stored == h->raw);
}

/* 1: a good block starts there and is in stored; 0: none does; -1: cannot read. */
static int block_at(struct reader *r, uint64_t at, struct block_header *h)
{
	if (r->size - at < sizeof(*h))
		return 0;
	if (read_at(r, h, sizeof(*h), at))
		return -1;
	if (!header_plausible(h, r->size - at - sizeof(*h)))
		return 0;
	if (h->kind != BLOCK_GONE && read_at(r, r->stored, h->stored, at + sizeof(*h)))
		return -1;
	return block_crc(h, r->stored) == h->crc;
}

/* Look for the next good block behind r->at. As block_at(); r->at is on it if there is one. */
static int next_good(struct reader *r, struct block_header *h)
{
	uint8_t window[65536];
	uint32_t magic = BLOCK_MAGIC;

	for (uint64_t at = r->at + 1; at + sizeof(*h) <= r->size;) {
		size_t n = sizeof(window) < r->size - at ? sizeof(window) : r->size - at;
		uint8_t *hit;
		int good;

		if (read_at(r, window, n, at))
			return -1;
		hit = memmem(window, n, &magic, sizeof(magic));
		if (!hit) {
			at += n - sizeof(magic) + 1;
			continue;
		}
		at += (uint64_t)(hit - window);
		good = block_at(r, at, h);
		if (good) {
			r->at = good > 0 ? at : r->at;
			return good;
		}
		at++;
	}
	return 0;
}

static int visit_meta(struct reader *r, const uint8_t *raw, size_t bytes)
{
	json_t *meta = json_loadb((const char *)raw, bytes, 0, NULL);
	int rc = 0;

	if (!json_is_object(meta))
		r->end->damaged++;
	else
		rc = r->v->meta(r->v->ctx, meta);
	json_decref(meta);
	return rc;
}

static int visit_wire(struct reader *r, const uint8_t *raw, size_t bytes)
{
	struct strata_wire wire;

	while (bytes >= WIRE_HEAD) {
		int rc;

		memcpy(&wire, raw, WIRE_HEAD);
		if (wire.captured > WIRE_PAYLOAD_MAX || wire.captured > bytes - WIRE_HEAD)
			break;
		memcpy(wire.payload, raw + WIRE_HEAD, wire.captured);
		memset(wire.payload + wire.captured, 0, WIRE_PAYLOAD_MAX - wire.captured);
		rc = r->v->wire(r->v->ctx, &wire);
		if (rc)
			return rc;
		raw += WIRE_HEAD + wire.captured;
		bytes -= WIRE_HEAD + wire.captured;
	}
	if (bytes)
		r->end->damaged++;
	return 0;
}

static int visit_clock(struct reader *r, const uint8_t *raw, size_t bytes)
{
	struct block_clock c;
	int rc = 0;

	for (; bytes >= sizeof(c) && !rc; raw += sizeof(c), bytes -= sizeof(c)) {
		memcpy(&c, raw, sizeof(c));
		if (c.domain < CLOCK_DOMAINS_MAX)
			rc = r->v->clock(r->v->ctx, (unsigned int)c.domain, &c.sample);
	}
	return rc;
}

static int visit_lost(struct reader *r, const uint8_t *raw, size_t bytes)
{
	struct block_lost l;
	int rc = 0;

	for (; bytes >= sizeof(l) && !rc; raw += sizeof(l), bytes -= sizeof(l)) {
		memcpy(&l, raw, sizeof(l));
		if (l.stage < LOST_STAGES)
			rc = r->v->lost(r->v->ctx, (enum lost_stage)l.stage, l.count);
	}
	return rc;
}

static bool wanted(const struct reader *r, uint16_t kind)
{
	const struct recording_visitor *v = r->v;

	return (kind == BLOCK_META && v->meta) || (kind == BLOCK_EVENTS && v->events) ||
	       (kind == BLOCK_WIRE && v->wire) || (kind == BLOCK_CLOCK && v->clock) ||
	       (kind == BLOCK_LOST && v->lost);
}

/* A block's content as it was before it was packed and compressed; NULL: it cannot be. */
static const uint8_t *restore(struct reader *r, const struct block_header *h)
{
	const uint8_t *content = r->stored;
	size_t bytes = h->stored;

	if (h->flags & BLOCK_ZSTD) {
		bytes = ZSTD_decompressDCtx(r->zstd, r->raw, BLOCK_RAW_MAX, content, bytes);
		content = r->raw;
		if (ZSTD_isError(bytes))
			return NULL;
	}
	if (!(h->flags & (BLOCK_PACKED | BLOCK_PACKED_2)))
		return bytes == h->raw ? content : NULL;
	if (h->kind != BLOCK_EVENTS || h->raw % sizeof(struct strata_event) ||
	    (h->flags & BLOCK_PACKED ? event_unpack : event_unpack_2)(
		    content, bytes, r->events, h->raw / sizeof(struct strata_event)))
		return NULL;
	return r->events;
}

static int visit(struct reader *r, const struct block_header *h)
{
	const uint8_t *raw;

	if (!wanted(r, h->kind))
		return 0;
	raw = restore(r, h);
	if (!raw) {
		r->end->damaged++;
		return 0;
	}
	switch (h->kind) {
	case BLOCK_META:
		return visit_meta(r, raw, h->raw);
	case BLOCK_EVENTS:
		return r->v->events(r->v->ctx, (const struct strata_event *)(const void *)raw,
				    h->raw / sizeof(struct strata_event));
	case BLOCK_WIRE:
		return visit_wire(r, raw, h->raw);
	case BLOCK_CLOCK:
		return visit_clock(r, raw, h->raw);
	default:
		return visit_lost(r, raw, h->raw);
	}
}

/* Blocks that are missing in the numbering were damaged. A number that runs backwards (two
 * files joined) only sets the count anew. */
static void count_block(struct reader *r, const struct block_header *h)
{
	if (h->sequence > r->sequence && h->sequence - r->sequence < 1u << 30)
		r->end->damaged += h->sequence - r->sequence;
	r->sequence = h->sequence + (h->kind == BLOCK_GONE ? h->raw : 1);
	if (h->kind == BLOCK_GONE)
		r->end->discarded += h->raw;
	else
		r->end->blocks++;
	r->end->complete = h->kind == BLOCK_END;
}

static int read_blocks(struct reader *r, uint64_t until)
{
	struct block_header h;

	while (r->at < r->size && r->at < until) {
		int good = block_at(r, r->at, &h);
		int rc;

		if (!good)
			good = next_good(r, &h);
		if (good < 0)
			return -1;
		if (!good)
			break;
		count_block(r, &h);
		rc = visit(r, &h);
		if (rc)
			return rc;
		r->at += sizeof(h) + h.stored;
	}
	r->end->unread_bytes = r->size - r->at;
	return 0;
}

static int open_recording(struct reader *r)
{
	struct recording_header h;
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return err_errno("%s: cannot open the recording", r->path);
	if (fstat(r->fd, &st))
		return err_errno("%s: cannot open the recording", r->path);
	if (!S_ISREG(st.st_mode))
		return err_set("%s: a recording is a regular file, this is none", r->path);
	r->size = (uint64_t)st.st_size;
	if (r->size < sizeof(h))
		return err_set("%s: too short for a recording (%llu bytes)", r->path,
			       (unsigned long long)r->size);
	if (read_at(r, &h, sizeof(h), 0))
		return -1;
	if (memcmp(h.magic, RECORDING_MAGIC, sizeof(h.magic)))
		return err_set("%s: not a strata recording", r->path);
	if (h.version < RECORDING_OLDEST || h.version > RECORDING_VERSION)
		return err_set("%s: a recording of version %u, this program reads %u to %u",
			       r->path, h.version, RECORDING_OLDEST, RECORDING_VERSION);
	r->at = sizeof(h);
	return 0;
}

int recording_read_on(const char *path, const struct recording_visitor *v,
		      struct recording_end *end, struct recording_place *place, uint64_t until)
{
	struct reader r = {.fd = -1, .path = path, .v = v, .end = end};
	int rc = open_recording(&r);

	if (!rc) {
		r.stored = malloc(BLOCK_RAW_MAX);
		r.raw = malloc(BLOCK_RAW_MAX);
		r.events = malloc(BLOCK_RAW_MAX);
		r.zstd = ZSTD_createDCtx();
		if (place->at) {
			r.at = place->at;
			r.sequence = place->sequence;
		}
		rc = r.stored && r.raw && r.events && r.zstd
			     ? read_blocks(&r, until)
			     : err_set("%s: out of memory", path);
	}
	place->at = r.at;
	place->sequence = r.sequence;
	place->size = r.size;
	free(r.stored);
	free(r.raw);
	free(r.events);
	ZSTD_freeDCtx(r.zstd);
	if (r.fd >= 0)
		close(r.fd);
	return rc;
}

int recording_read(const char *path, const struct recording_visitor *v,
		   struct recording_end *end)
{
	struct recording_end unused;
	struct recording_place place = {0};

	if (!end)
		end = &unused;
	memset(end, 0, sizeof(*end));
	return recording_read_on(path, v, end, &place, UINT64_MAX);
}
