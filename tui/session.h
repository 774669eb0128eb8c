/* What is shown, and where it comes from: recordings or a live trace, each with its feed. */
#ifndef STRATA_TUI_SESSION_H
#define STRATA_TUI_SESSION_H

#include <signal.h>

#include "tui/feed.h"
#include "tui/options.h"
#include "tui/trace_child.h"
#include "tui/ui.h"

struct tui_session {
	const struct tui_options *options;
	struct ui ui;
	char paths[2][4096];
	struct feed *feeds[2]; /* the second: to compare with */
	struct trace_child child;
	bool live, applied, compared;
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

/* Line by line. -1 with a sentence. */
int tui_plain(struct tui_session *s);

/* On the terminal. -1 with a sentence. */
int tui_screen(struct tui_session *s);

#endif
