/*
 * Where the model comes from while the interface is already there: a thread reads a recording,
 * the beginning first so that something is to be seen at once, then all of it; or it reads on
 * in a recording that is being written, and keeps the latest requests. It has nothing to do
 * with whoever writes that recording, and so cannot hold it up.
 *
 * Threading: one thread of its own. The model may be looked at between feed_lock() and
 * feed_unlock() only.
 */
#ifndef STRATA_TUI_FEED_H
#define STRATA_TUI_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "tracer/model.h"

struct feed;

struct feed_options {
	bool growing;        /* read on for as long as it is open */
	bool throw_away;     /* growing: give back the disk space of what was read */
	size_t requests_max; /* 0: the default */
};

/* path must outlive it. NULL with a sentence. */
struct feed *feed_open(const char *path, const struct feed_options *options);

/* Ends the thread, frees the model. */
void feed_close(struct feed *f);

/* Becomes readable when there is something new. */
int feed_fd(const struct feed *f);

/* Take that notice: true if there was one. */
bool feed_taken(struct feed *f);

/* NULL: nothing yet. */
struct model *feed_lock(struct feed *f);
void feed_unlock(struct feed *f);

/* Within the lock: how much is loaded (0..1), whether loading goes on, and what ended it; ""
 * nothing did. */
double feed_part(const struct feed *f);
bool feed_loading(const struct feed *f);
const char *feed_error(const struct feed *f);

/* Hold the model still, or go on. What is written meanwhile is read later. */
void feed_freeze(struct feed *f, bool frozen);

/* Wait until all is loaded (not of one that grows). -1 with a sentence if it failed. */
int feed_wait(struct feed *f);

#endif
