/*
 * Keys and what they do, from one table (tui/actions.def).
 *
 * A user's file (XDG_CONFIG_HOME/strata/keys, by default ~/.config/strata/keys) changes it: a
 * line "ACTION KEY..." gives an action these keys instead of its own, "ACTION" alone takes them
 * away; "#" begins a comment.
 */
#ifndef STRATA_TUI_KEYS_H
#define STRATA_TUI_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum action {
	ACTION_NONE,
#define ACTION(id, ...) ACTION_##id,
#include "tui/actions.def"
#undef ACTION
	ACTIONS
};

/* A key: a Unicode character, or one of these. */
enum key {
	KEY_CODE_FIRST = 0x110000,
	KEY_CODE_UP = KEY_CODE_FIRST,
	KEY_CODE_DOWN,
	KEY_CODE_LEFT,
	KEY_CODE_RIGHT,
	KEY_CODE_PAGE_UP,
	KEY_CODE_PAGE_DOWN,
	KEY_CODE_HOME,
	KEY_CODE_END,
	KEY_CODE_BACKSPACE,
	KEY_CODE_DELETE,
	KEY_CODE_F1,
	KEY_CODE_LAST = KEY_CODE_F1 + 12,
};

#define KEY_ENTER_CODE  '\r'
#define KEY_ESCAPE_CODE 27
#define KEYS_PER_ACTION 8

struct keymap {
	uint32_t keys[ACTIONS][KEYS_PER_ACTION]; /* 0: no more */
};

struct action_info {
	const char *name, *keys, *group, *help;
};

extern const struct action_info action_table[ACTIONS];

/* The table as it is. */
void keymap_init(struct keymap *k);

/* Change it by a user's text. -1 with a sentence that names the line. */
int keymap_read(struct keymap *k, const char *text, const char *name);

/* The user's file, if there is one. -1 as above. */
int keymap_load(struct keymap *k);

enum action keymap_action(const struct keymap *k, uint32_t key);

/* "Up k": what an action's keys are called; "" if it has none. */
void keymap_names(const struct keymap *k, enum action a, char *text, size_t bytes);

/* 0: there is no such key. */
uint32_t key_by_name(const char *name);

#endif
