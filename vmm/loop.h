/*
 * An event loop on a thread of its own: the VMM's I/O thread. It waits (epoll) for
 * doorbells (ioeventfd), tap and disk completions, timers, and calls their owners.
 *
 * Threading: sources may be added and removed from any thread. loop_remove() returns
 * only when the source's callback is not running and will not run again, except when
 * called from within the loop's own thread. loop_call() runs a function on the loop's thread
 * and waits for it: how a vCPU thread changes device state that the I/O thread uses.
 */
#ifndef STRATA_VMM_LOOP_H
#define STRATA_VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop_source {
	int fd;
	void (*ready)(struct loop_source *s, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
	void *owner;
};

/* Something to be done at a time, if it is not put off: no system call of its own. */
struct loop_timer {
	void (*expired)(struct loop_timer *t);
	void *owner;
	uint64_t due_ns;         /* CLOCK_MONOTONIC; 0: not set */
	struct loop_timer *next; /* that is set */
};

/* Create the loop; its thread is named name (as in ps -L) and starts at loop_start(). */
struct loop *loop_create(const char *name);
int loop_start(struct loop *l);
void loop_stop(struct loop *l); /* joins the thread */
void loop_destroy(struct loop *l);

int loop_add(struct loop *l, struct loop_source *s, uint32_t events);
int loop_modify(struct loop *l, struct loop_source *s, uint32_t events);
void loop_remove(struct loop *l, struct loop_source *s);

/* Run fn(arg) on the loop's thread and wait until it has. Runs it at once if this is that
 * thread, or if the loop is not started. */
void loop_call(struct loop *l, void (*fn)(void *arg), void *arg);

/* Is there an event that the loop's thread, now in a callback, will turn to next? Calls of
 * loop_call() are such events. Waits for one for so long. On that thread. */
bool loop_has_more(const struct loop *l, uint64_t wait_ns);

/* Set it, set it anew, or (due_ns 0) no more; when it expires it is not set any more. On the
 * loop's thread, or while the loop is not running. */
void loop_set_timer(struct loop *l, struct loop_timer *t, uint64_t due_ns);

int loop_tid(const struct loop *l);

#endif
