/*
 * The interface without a terminal: its state, what a key does to it, and drawing it into
 * cells. It knows a model and nothing of where that comes from: a file, a session, a test. All
 * of it is deterministic: the same model and the same keys yield the same screen.
 *
 * Threading: none. The model is borrowed, and must not change while a function here runs; after
 * it did, call ui_model().
 */
#ifndef STRATA_TUI_UI_H
#define STRATA_TUI_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "tracer/model.h"
#include "tui/bench.h"
#include "tui/cells.h"
#include "tui/keys.h"
#include "tui/rows.h"
#include "tui/versus.h"

#define UI_ROWS_MIN    10
#define UI_COLUMNS_MIN 40
#define OTHERS_MAX     6

enum view {
	VIEW_LIST,
	VIEW_LADDER,
	VIEW_LAYERS,
	VIEW_WHY,
	VIEW_VM,
	VIEW_COMPARE,
	VIEW_FACTS,
	VIEW_BENCH,
	VIEWS
};

/* A line that is being typed. */
enum prompt { PROMPT_NONE, PROMPT_SEARCH, PROMPT_FILTER };

/* What is shown, and how far it is loaded. */
struct ui_source {
	char name[256];      /* for people: a file, "live" */
	char arguments[512]; /* for a command line: quoted where it must be */
	bool none;           /* no recording: a document alone */
	bool live;
	bool loading;
	double part;     /* of it that is loaded, 0..1 */
	char error[512]; /* it ended with this; "" all is well */
};

struct ladder_state {
	struct request request; /* a copy: the list may lose it */
	bool chosen;            /* is there one? */
	int step;               /* index of the rung */
	bool playing;
	uint64_t play_ns; /* where playing is */
	double stretch;   /* seconds to watch per second of the request */
	int top;
};

struct layers_state {
	bool hops; /* rather than layers */
	int row, top;
	bool in_buckets; /* the histogram has the keys */
	int bucket;
};

struct ui {
	enum view view;
	bool help;
	struct keymap keys;
	struct model *model; /* NULL: nothing yet */
	struct ui_source source;
	struct rows rows;
	struct row_choice choice;
	uint64_t selected; /* number of the request under the cursor; 0: none */
	size_t position;   /* where it stood last */
	size_t top;
	uint64_t marks[MARKS_MAX];
	int mark_count;
	bool frozen, follow;
	struct ladder_state ladder;
	struct layers_state layers;
	struct versus *versus[OTHERS_MAX]; /* the model beside others; owned */
	int versus_count;
	int versus_shown;      /* 0: all of them beside each other; else that one alone */
	int others_coming;     /* to compare with, not yet read */
	struct bench *bench;   /* owned; NULL: no document */
	char bench_error[512]; /* ... because of this; "" there is none */
	struct why *why;       /* made when it is first looked at */
	int scroll;            /* of views that only scroll */
	int page;              /* rows of the body when last drawn */
	enum prompt prompt;
	char line[FILTER_TEXT_MAX];
	char message[2048], last_command[2048];
	int scheme;
	int columns, rows_total; /* size when last drawn */
	/* what the terminal's half must see to */
	bool quit, redraw, wants_export, export_is_json, wants_command;
};

/* Everything as at the start. */
void ui_init(struct ui *ui);
void ui_free(struct ui *ui);

/* The model is new, or has changed. -1 with a sentence. */
int ui_model(struct ui *ui, struct model *m);

/* A key was pressed. Anything may come. */
void ui_key(struct ui *ui, uint32_t key);
void ui_action(struct ui *ui, enum action a);

/* A click: select what is there, a second one opens it. wheel: -1 up, 1 down, 0: a click. */
void ui_mouse(struct ui *ui, int row, int column, int wheel);

/* So much time has passed, for what is playing. True: something changed. */
bool ui_tick(struct ui *ui, uint64_t ns);

/* All of the screen. */
void ui_draw(struct ui *ui, struct cells *c);

/* ---- for the views and the command line ---- */

/* Put a request into the ladder, at its first hop. False: there is none of that number. */
bool ui_choose(struct ui *ui, uint64_t number);

/* Step to that hop of it. False: it was not seen there. */
bool ui_step_to(struct ui *ui, enum strata_hop hop);

/* Select that row of the list; one that is not there: the nearest. */
void ui_select(struct ui *ui, size_t position);

/* Build the list anew; the selected request stays where it is on the screen. */
int ui_rebuild(struct ui *ui);

/* Help, and views that have nothing to select: false, it does not scroll. */
bool ui_scroll(struct ui *ui, enum action a);

/* Take over a filter's or a search's text. -1 with a sentence; nothing changes then. */
int ui_filter(struct ui *ui, const char *text);
int ui_search(struct ui *ui, const char *text);

const char *view_name(enum view v);
int view_by_name(const char *name);

void ui_say(struct ui *ui, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
