/* Keys and what they do: see keys.h. */
#include "tui/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tui/cells.h"

#define FILE_MAX 65536

const struct action_info action_table[ACTIONS] = {
#define ACTION(id, name, keys, group, help) [ACTION_##id] = {name, keys, group, help},
#include "tui/actions.def"
#undef ACTION
};

static const struct {
	const char *name;
	uint32_t key;
} key_names[] = {
	{"Up", KEY_CODE_UP},
	{"Down", KEY_CODE_DOWN},
	{"Left", KEY_CODE_LEFT},
	{"Right", KEY_CODE_RIGHT},
	{"PageUp", KEY_CODE_PAGE_UP},
	{"PageDown", KEY_CODE_PAGE_DOWN},
	{"Home", KEY_CODE_HOME},
	{"End", KEY_CODE_END},
	{"Backspace", KEY_CODE_BACKSPACE},
	{"Delete", KEY_CODE_DELETE},
	{"Enter", KEY_ENTER_CODE},
	{"Esc", KEY_ESCAPE_CODE},
	{"Tab", '\t'},
	{"Space", ' '},
};

#define KEY_NAMES (sizeof(key_names) / sizeof(key_names[0]))

/* One UTF-8 character and nothing else; 0: it is something else. */
static uint32_t single_character(const char *s)
{
	char again[5];
	const unsigned char *u = (const unsigned char *)s;
	size_t n = strlen(s);
	uint32_t ch = 0;

	if (n == 1)
		ch = u[0] > ' ' && u[0] < 0x7f ? u[0] : 0;
	else if (n == 2)
		ch = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
	else if (n == 3)
		ch = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	return ch && cells_encode(ch, again) == (int)n && !strcmp(again, s) ? ch : 0;
}

uint32_t key_by_name(const char *name)
{
	char *end;

	for (size_t i = 0; i < KEY_NAMES; i++)
		if (!strcmp(key_names[i].name, name))
			return key_names[i].key;
	if (!strncmp(name, "Ctrl-", 5) && name[5] >= 'a' && name[5] <= 'z' && !name[6])
		return (uint32_t)(name[5] - 'a' + 1);
	if (name[0] == 'F' && name[1]) {
		long n = strtol(name + 1, &end, 10);

		if (!*end && n >= 1 && n <= 12)
			return (uint32_t)(KEY_CODE_F1 + n - 1);
	}
	return single_character(name);
}

static void name_of(uint32_t key, char *text, size_t bytes)
{
	char one[5];

	for (size_t i = 0; i < KEY_NAMES; i++)
		if (key_names[i].key == key) {
			snprintf(text, bytes, "%s", key_names[i].name);
			return;
		}
	if (key >= KEY_CODE_F1 && key < KEY_CODE_LAST)
		snprintf(text, bytes, "F%u", key - KEY_CODE_F1 + 1);
	else if (key < ' ')
		snprintf(text, bytes, "Ctrl-%c", (char)(key + 'a' - 1));
	else if (cells_encode(key, one))
		snprintf(text, bytes, "%s", one);
}

void keymap_names(const struct keymap *k, enum action a, char *text, size_t bytes)
{
	size_t out = 0;

	text[0] = '\0';
	for (int i = 0; i < KEYS_PER_ACTION && k->keys[a][i] && out + 1 < bytes; i++) {
		if (i)
			out += (size_t)snprintf(text + out, bytes - out, " ");
		name_of(k->keys[a][i], text + out, bytes - out);
		out += strlen(text + out);
	}
}

enum action keymap_action(const struct keymap *k, uint32_t key)
{
	for (int a = 1; key && a < ACTIONS; a++)
		for (int i = 0; i < KEYS_PER_ACTION; i++)
			if (k->keys[a][i] == key)
				return (enum action)a;
	return ACTION_NONE;
}

static enum action action_by_name(const char *name)
{
	for (int a = 1; a < ACTIONS; a++)
		if (!strcmp(action_table[a].name, name))
			return (enum action)a;
	return ACTION_NONE;
}

/* No other action keeps it: one key does one thing. */
static void take_away(struct keymap *k, uint32_t key)
{
	for (int a = 1; a < ACTIONS; a++) {
		int kept = 0;

		for (int i = 0; i < KEYS_PER_ACTION; i++)
			if (k->keys[a][i] && k->keys[a][i] != key)
				k->keys[a][kept++] = k->keys[a][i];
		while (kept < KEYS_PER_ACTION)
			k->keys[a][kept++] = 0;
	}
}

/* keys: names with blanks between; changed. */
static int bind(struct keymap *k, enum action a, char *keys)
{
	char *save, *name = strtok_r(keys, " \t\r", &save);
	int n = 0;

	memset(k->keys[a], 0, sizeof(k->keys[a]));
	for (; name; name = strtok_r(NULL, " \t\r", &save)) {
		uint32_t key = key_by_name(name);

		if (!key)
			return err_set(
				"there is no key \"%s\": write a character, or one of "
				"Up Down Left Right PageUp PageDown Home End Enter Esc Tab "
				"Space Backspace Delete F1..F12 Ctrl-a..Ctrl-z",
				name);
		if (n == KEYS_PER_ACTION)
			return err_set("more than %d keys for one action", KEYS_PER_ACTION);
		take_away(k, key);
		k->keys[a][n++] = key;
	}
	return 0;
}

void keymap_init(struct keymap *k)
{
	char keys[64];

	memset(k, 0, sizeof(*k));
	for (int a = 1; a < ACTIONS; a++) {
		snprintf(keys, sizeof(keys), "%s", action_table[a].keys);
		(void)bind(k, (enum action)a, keys); /* a test looks at all of them */
	}
}

static int read_line(struct keymap *k, char *line)
{
	char *comment = line[0] == '#' ? line : strstr(line, " #"), *keys;
	enum action a;

	if (comment && (comment == line || comment[2] == ' ' || !comment[2]))
		*comment = '\0';
	line += strspn(line, " \t\r");
	if (!*line)
		return 0;
	keys = line + strcspn(line, " \t\r");
	if (*keys)
		*keys++ = '\0';
	a = action_by_name(line);
	if (a == ACTION_NONE)
		return err_set("there is no action \"%s\" (strata tui --keys lists them)",
			       line);
	return bind(k, a, keys);
}

int keymap_read(struct keymap *k, const char *text, const char *name)
{
	char line[512];

	for (int number = 1; *text; number++) {
		size_t n = strcspn(text, "\n");

		if (n >= sizeof(line))
			return err_set("%s:%d: a line longer than %zu bytes", name, number,
				       sizeof(line) - 1);
		memcpy(line, text, n);
		line[n] = '\0';
		if (read_line(k, line))
			return err_add("%s:%d", name, number);
		text += n + (text[n] == '\n');
	}
	return 0;
}

static int config_path(char *path, size_t bytes)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (base && base[0] == '/')
		n = snprintf(path, bytes, "%s/strata/keys", base);
	else if (home && home[0])
		n = snprintf(path, bytes, "%s/.config/strata/keys", home);
	else
		return 0;
	return n > 0 && (size_t)n < bytes;
}

int keymap_load(struct keymap *k)
{
	char path[PATH_MAX], *text;
	size_t n;
	FILE *f;
	int result;

	if (!config_path(path, sizeof(path)))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : err_errno("%s: cannot read the key bindings", path);
	text = calloc(1, FILE_MAX + 1);
	n = text ? fread(text, 1, FILE_MAX + 1, f) : 0;
	fclose(f);
	if (!text)
		return err_set("%s: out of memory", path);
	if (n > FILE_MAX)
		result = err_set("%s: larger than %d bytes: that is no file of key bindings",
				 path, FILE_MAX);
	else
		result = keymap_read(k, text, path);
	free(text);
	return result;
}
