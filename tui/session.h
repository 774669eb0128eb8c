/* What is shown, and where it comes from: recordings or a live trace, each with its feed; a
 * document of benchmarks. */
#ifndef STRATA_TUI_SESSION_H
#define STRATA_TUI_SESSION_H

#include <signal.h>

#include "tui/bench_file.h"
#include "tui/feed.h"
#include "tui/options.h"
#include "tui/trace_child.h"
#include "tui/ui.h"

struct tui_session {
	const struct tui_options *options;
	struct ui ui;
	char paths[1 + OTHERS_MAX][4096];   /* the first, and others to compare with; "" none */
	struct feed *feeds[1 + OTHERS_MAX]; /* NULL: there is none, or none is needed yet */
	int named; /* of them by the user; what follows was found beside the first */
	bool compared[1 + OTHERS_MAX];
	struct trace_child child;
	struct bench_file document;
	bool live, applied;
};

/* Set by a signal: end. */
extern volatile sig_atomic_t tui_ended;

/* -1 with a sentence. */
int tui_session_open(struct tui_session *s, const struct tui_options *o);
void tui_session_close(struct tui_session *s);

/* Take what is new into the interface, within the feed's lock. Between this and
 * tui_session_unlock() the interface may be used. -1 with a sentence if what the options ask
 * for is not there. */
int tui_session_lock(struct tui_session *s);
void tui_session_unlock(struct tui_session *s);

/* Wait until all that is on the screen has been read (not of what grows). -1 with a sentence if
 * it cannot be. */
int tui_session_wait(struct tui_session *s);

/* Readable when there is something new of that feed; -1: never. */
int tui_session_fd(const struct tui_session *s, int feed);

/* Line by line. -1 with a sentence. */
int tui_plain(struct tui_session *s);

/* On the terminal. -1 with a sentence. */
int tui_screen(struct tui_session *s);

#endif
