/*
 * Disks: what the arguments ask for, which format the image is of, and what is the same for
 * all formats: bounds, counters, what is said of errors.
 */
#include "vmm/block/disk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/block/format.h"
#include "vmm/virtio/counter.h"

#define COMPLAINTS 3

/* Requests that wait until they are affordable, in their order. */
struct disk_line {
	struct disk_request *first, **end;
};

struct disk {
	const struct disk_format *format;
	void *image;
	struct disk_info info;
	char *path, *overlay;
	bool direct;
	bool guarded; /* see vmm/block/guard.c */
	struct file_batch batch;

	struct limits limits;

	/* the loop's thread only */
	struct disk_line line[LIMIT_WAYS];
	struct disk_request *refused; /* not yet answered */
	bool running;
	bool answered; /* by ourselves, since the last end of a batch */
	bool behind;   /* flushes were submitted behind writes */
	const char *said[COMPLAINTS];
	void (*batch_end)(void *owner);
	void *batch_owner;

	uint64_t requests[DISK_WRITE_ZEROES + 1];
	uint64_t read_bytes, written_bytes, errors, disk_full;
};

/* ---- requests ---- */

static int check(const struct disk *d, struct disk_request *r)
{
	if (r->op == DISK_FLUSH)
		return 0;
	if (d->info.readonly && r->op != DISK_READ)
		return EROFS;
	if (!r->bytes || (r->offset | r->bytes) % DISK_SECTOR_BYTES ||
	    r->bytes > d->info.bytes || r->offset > d->info.bytes - r->bytes)
		return EINVAL;
	if (d->guarded && r->op == DISK_WRITE && r->offset < DISK_PROBE_BYTES)
		return disk_guard(r);
	return 0;
}

static enum limit_way way_of(const struct disk_request *r)
{
	return r->op == DISK_READ ? LIMIT_IN : LIMIT_OUT;
}

/* What it costs in bytes: only reads and writes carry some. */
static uint64_t cost(const struct disk_request *r)
{
	return r->op == DISK_READ || r->op == DISK_WRITE ? r->bytes : 0;
}

static void begin(struct disk *d, struct disk_request *r)
{
	limits_charge(&d->limits, way_of(r), cost(r));
	d->format->submit(d->image, r);
}

static void admit(struct disk *d, struct disk_request *r)
{
	struct disk_line *line = &d->line[way_of(r)];

	if (!line->first && !limits_wait(&d->limits, way_of(r), cost(r))) {
		begin(d, r);
		return;
	}
	if (!line->first)
		line->end = &line->first;
	r->next = NULL;
	*line->end = r;
	line->end = &r->next;
}

/* Begin those that are affordable, or all of them. */
static void release(struct disk *d, enum limit_way way, bool all)
{
	struct disk_line *line = &d->line[way];
	struct disk_request *r;

	while ((r = line->first) && (all || !limits_wait(&d->limits, way, cost(r)))) {
		line->first = r->next;
		begin(d, r);
	}
}

static void resume(void *owner, enum limit_way way)
{
	release(owner, way, false);
	disk_run(owner);
}

void disk_submit(struct disk *d, struct disk_request *r)
{
	r->disk = d;
	r->flushing = false;
	r->guard = NULL;
	r->error = check(d, r);
	if (!r->error) {
		admit(d, r);
		return;
	}
	r->next = d->refused;
	d->refused = r;
}

static void answer_refused(struct disk *d)
{
	while (d->refused) {
		struct disk_request *r = d->refused;

		d->refused = r->next;
		d->answered = true;
		disk_done(r, r->error);
	}
}

static void batch_end(void *owner)
{
	struct disk *d = owner;

	d->answered = false;
	if (d->batch_end)
		d->batch_end(d->batch_owner);
	if (d->behind) {
		d->behind = false;
		d->format->run(d->image);
	}
}

void disk_run(struct disk *d)
{
	if (d->running)
		return;
	d->running = true;
	answer_refused(d);
	d->format->run(d->image);
	d->running = false;
	if (d->answered)
		batch_end(d);
}

static bool anybody_waits(const struct disk *d)
{
	return d->line[LIMIT_IN].first || d->line[LIMIT_OUT].first;
}

void disk_drain(struct disk *d)
{
	/* Again for what done() submitted meanwhile. */
	do {
		release(d, LIMIT_IN, true);
		release(d, LIMIT_OUT, true);
		disk_run(d);
		d->format->drain(d->image);
		disk_run(d);
	} while (anybody_waits(d));
}

static void count(struct disk *d, const struct disk_request *r)
{
	counter_add(&d->requests[r->op], 1);
	if (r->op == DISK_READ)
		counter_add(&d->read_bytes, r->bytes);
	if (r->op == DISK_WRITE)
		counter_add(&d->written_bytes, r->bytes);
}

/* What is said of an error, once for each kind; later ones are only counted. NULL: it is the
 * guest's fault. */
static const char *complaint(int error)
{
	switch (error) {
	case EINVAL:
	case EROFS:
		return NULL;
	case ENOSPC:
	case EDQUOT:
		return "no space left on the host for the guest's data; the guest gets I/O "
		       "errors until there is";
	case EMEDIUMTYPE:
		return "the guest wants to turn the raw image into one of another format, and "
		       "may not; if that is meant, say format=raw";
	default:
		return "cannot be read or written; the guest gets I/O errors";
	}
}

static void failed(struct disk *d, int error)
{
	const char *text = complaint(error);

	counter_add(&d->errors, 1);
	if (error == ENOSPC || error == EDQUOT)
		counter_add(&d->disk_full, 1);
	if (!text)
		return;
	for (int i = 0; i < COMPLAINTS; i++) {
		if (d->said[i] == text)
			return;
		if (d->said[i])
			continue;
		d->said[i] = text;
		fprintf(stderr, "strata-vmm: disk %s: %s (%s)\n",
			d->overlay ? d->overlay : d->path, text, strerror(error));
		return;
	}
}

/* Where the format does not make a write durable by itself, a flush follows it. */
static bool flush_behind(struct disk *d, struct disk_request *r)
{
	if (!r->durable || r->flushing || d->format->durable ||
	    (r->op != DISK_WRITE && r->op != DISK_WRITE_ZEROES))
		return false;
	r->flushing = true;
	r->asked = r->op;
	r->op = DISK_FLUSH;
	d->format->submit(d->image, r);
	d->behind = true;
	return true;
}

void disk_done(struct disk_request *r, int error)
{
	struct disk *d = r->disk;

	if (!error && flush_behind(d, r))
		return;
	if (r->flushing)
		r->op = r->asked;
	if (error)
		failed(d, error);
	else
		count(d, r);
	free(r->guard);
	r->done(r, error);
}

void disk_on_batch_end(struct disk *d, void (*end)(void *owner), void *owner)
{
	d->batch_end = end;
	d->batch_owner = owner;
}

const struct disk_info *disk_info(const struct disk *d)
{
	return &d->info;
}

/* ---- opening ---- */

static int known(const char *key, const char *value, const char *const *values)
{
	for (; *values; values++)
		if (!strcmp(value, *values))
			return 0;
	return err_set("%s=%s is not known", key, value);
}

int disk_check(const struct arguments *a)
{
	const char *format = arguments_get(a, "format", NULL);

	if (format && !disk_format_named(format))
		return err_set("format=%s is not known", format);
	if (known("cache", arguments_get(a, "cache", "writeback"),
		  (const char *[]){"writeback", "direct", NULL}))
		return err_add("writeback or direct");
	if (arguments_has(a, "overlay") && arguments_has(a, "readonly"))
		return err_set("overlay is for what the guest writes: leave it or readonly "
			       "out");
	if (arguments_has(a, "overlay") && !disk_format_that_overlays())
		return err_set("overlay is not known");
	return 0;
}

static int open_image(struct disk *d, const struct arguments *a, struct loop *loop)
{
	const char *stated = arguments_get(a, "format", NULL);
	const struct disk_format *base =
		stated ? disk_format_named(stated) : disk_format_of(d->path);
	struct disk_options o = {
		.path = d->path,
		.overlay = d->overlay,
		.base_format = base->name,
		.stated = stated,
		.readonly = arguments_has(a, "readonly"),
		.direct = d->direct,
		.loop = loop,
		.batch = &d->batch,
	};

	d->format = d->overlay ? disk_format_that_overlays() : base;
	d->info.readonly = o.readonly;
	d->guarded = !stated && !d->format->probe;
	d->image = d->format->open(&o, &d->info);
	if (!d->image)
		return -1;
	d->info.bytes -= d->info.bytes % DISK_SECTOR_BYTES;
	return limits_arguments(&d->limits, a);
}

struct disk *disk_open(const struct arguments *a, struct loop *loop)
{
	const char *overlay = arguments_get(a, "overlay", NULL);
	struct disk *d = calloc(1, sizeof(*d));

	if (!d) {
		err_errno("disk");
		return NULL;
	}
	/* A file that may grow no more (RLIMIT_FSIZE) is an error, not the VMM's end. */
	signal(SIGXFSZ, SIG_IGN);
	limits_init(&d->limits, &disk_limits, loop, resume, d);
	d->direct = !strcmp(arguments_get(a, "cache", ""), "direct");
	d->batch = (struct file_batch){batch_end, d};
	d->path = strdup(arguments_get(a, "file", ""));
	d->overlay = overlay ? strdup(overlay) : NULL;
	if (!d->path || (overlay && !d->overlay)) {
		err_errno("disk");
		disk_close(d);
		return NULL;
	}
	if (open_image(d, a, loop)) {
		disk_close(d);
		return NULL;
	}
	return d;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	if (d->image)
		d->format->close(d->image);
	limits_destroy(&d->limits);
	free(d->path);
	free(d->overlay);
	free(d);
}

struct limits *disk_limits_of(struct disk *d)
{
	return &d->limits;
}

void disk_status(struct disk *d, json_t *into)
{
	const struct {
		const char *name;
		const uint64_t *counter;
	} rows[] = {
		{"capacity_bytes", &d->info.bytes},
		{"reads", &d->requests[DISK_READ]},
		{"writes", &d->requests[DISK_WRITE]},
		{"flushes", &d->requests[DISK_FLUSH]},
		{"discards", &d->requests[DISK_DISCARD]},
		{"zeroes", &d->requests[DISK_WRITE_ZEROES]},
		{"read_bytes", &d->read_bytes},
		{"written_bytes", &d->written_bytes},
		{"errors", &d->errors},
		{"disk_full", &d->disk_full},
	};

	json_object_set_new(into, "file", json_string(d->path));
	json_object_set_new(into, "format", json_string(d->format->name));
	if (d->overlay)
		json_object_set_new(into, "overlay", json_string(d->overlay));
	json_object_set_new(into, "cache", json_string(d->direct ? "direct" : "writeback"));
	json_object_set_new(into, "readonly", json_boolean(d->info.readonly));
	d->format->status(d->image, into);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(into, rows[i].name,
				    json_integer((json_int_t)counter_read(rows[i].counter)));
	limits_status(&d->limits, into);
}
