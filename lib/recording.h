/*
 * A recording: one file, append-only, readable after a crash up to the last whole block.
 *
 * A file header (magic, version), then blocks: a header {magic, kind, flags, stored bytes, raw
 * bytes, sequence number, CRC-32 of the stored bytes} and the content, compressed with zstd
 * where that makes it smaller (events are packed before: lib/event_pack.h). Kinds: META (a JSON
 * text: environment, topology, probes in force; later ones add to or replace keys of earlier
 * ones), EVENTS (struct strata_event[]), WIRE (struct strata_wire records cut to their captured
 * bytes), CLOCK (domain, struct clock_sample), LOST (counts by stage), END (present only if the
 * recording was closed in order), GONE (a hole: a flight recorder discarded the blocks that
 * were there).
 *
 * Little-endian, as every machine that strata runs on.
 * Threading: a writer or reader belongs to one thread.
 */
#ifndef STRATA_LIB_RECORDING_H
#define STRATA_LIB_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/event.h"

/* Where events can be lost. */
enum lost_stage {
	LOST_HOST_PROBES,  /* the host's BPF rings full */
	LOST_GUEST_PROBES, /* a guest's BPF rings or shared ring full */
	LOST_VMM,          /* the VMM's ring full */
	LOST_RECORDING,    /* could not be written */
	LOST_STAGES
};

const char *lost_stage_name(enum lost_stage s);

struct recording_writer;

/* Create (or truncate) path. NULL with a sentence. */
struct recording_writer *recording_create(const char *path);

/* Buffered; a block is written when enough has gathered or at recording_flush(). -1 with a
 * sentence (disk full): what is in the file stays readable. */
int recording_meta(struct recording_writer *w, const json_t *meta);
int recording_event(struct recording_writer *w, const struct strata_event *e);
int recording_events(struct recording_writer *w, const struct strata_event *e, size_t count);
int recording_wire(struct recording_writer *w, const struct strata_wire *wire);
int recording_clock(struct recording_writer *w, unsigned int domain,
		    const struct clock_sample *s);
int recording_lost(struct recording_writer *w, enum lost_stage stage, uint64_t count);
int recording_flush(struct recording_writer *w);

/*
 * A flight recorder: the recording shall take no more than so many bytes on disk. When it
 * would, its oldest blocks go, those first that nobody wanted to keep; META stays. To be said
 * before anything is written. -1 with a sentence: the file system cannot make holes in a file.
 */
int recording_bound(struct recording_writer *w, uint64_t bytes);

/* What was or will be gathered between those times (CLOCK_MONOTONIC) is to be kept. */
void recording_keep(struct recording_writer *w, uint64_t from_ns, uint64_t to_ns);

/* Flush, write END, close, free. -1 with a sentence if anything could not be written. */
int recording_close(struct recording_writer *w);

/* What a reader calls back; any may be NULL. A callback's non-zero return ends the reading with
 * it. */
struct recording_visitor {
	int (*meta)(void *ctx, json_t *meta); /* borrowed */
	int (*events)(void *ctx, const struct strata_event *e, size_t count);
	int (*wire)(void *ctx, const struct strata_wire *w);
	int (*clock)(void *ctx, unsigned int domain, const struct clock_sample *s);
	int (*lost)(void *ctx, enum lost_stage stage, uint64_t count);
	void *ctx;
};

struct recording_end {
	bool complete; /* an END block was there */
	uint64_t blocks;
	uint64_t damaged;      /* blocks that failed their check and were skipped */
	uint64_t discarded;    /* blocks that a flight recorder did not keep */
	uint64_t unread_bytes; /* at the end: a block that was being written */
};

/* Read a whole file in constant memory. -1 with a sentence if it is no recording or cannot be
 * read; a truncated or damaged one is read as far as it goes, and end says so. */
int recording_read(const char *path, const struct recording_visitor *v,
		   struct recording_end *end);

/* Where reading stopped, between two blocks. All zero: the beginning. */
struct recording_place {
	uint64_t at, size; /* bytes: read so far; the file had then */
	uint64_t sequence;
};

/*
 * Read on from a place, which is moved: the blocks that begin before byte until of the file;
 * in one that is still being written, those that are whole by now. What end counts is added to.
 */
int recording_read_on(const char *path, const struct recording_visitor *v,
		      struct recording_end *end, struct recording_place *place, uint64_t until);

#endif
