/* A monitor's file: see monitor.h. */
#include <stdio.h>
#include <string.h>

#include "bench/peers/monitor.h"
#include "lib/err.h"

const char *monitor_mode_name(enum monitor_mode_number mode)
{
	static const char *const names[] = {
		[MODE_NONE] = "none",
		[MODE_EMULATED] = "emulated",
		[MODE_VIRTIO] = "virtio",
		[MODE_VHOST] = "vhost",
		[MODE_PASSTHROUGH] = "passthrough",
	};

	return names[mode];
}

/* ---- what a value may be; each: 0, or -1 with what is wrong ---- */

/* "{tap}": one that there is. A brace alone is itself. */
static int check_placeholders(const char *text)
{
	for (const char *at = text; (at = strchr(at, '{')); at++) {
		size_t n = strcspn(at + 1, "{}");

		if (at[1 + n] == '}' && !monitor_placeholder(at + 1, n))
			return err_set("%.*s is no placeholder", (int)n + 2, at);
	}
	return 0;
}

static int check_words(const json_t *value)
{
	const json_t *word;
	size_t i;

	if (!json_is_array(value))
		return err_set("expected a list of texts");
	json_array_foreach (value, i, word)
		if (!json_is_string(word))
			return err_set("entry %zu is no text", i + 1);
		else if (check_placeholders(json_string_value(word)))
			return -1;
	return 0;
}

static int check_text(const json_t *value)
{
	return json_string_length(value) ? 0 : err_set("expected a text");
}

/* Names stand in options and tables. */
static int check_name(const json_t *value)
{
	const char *name = json_string_value(value);

	return name && *name && strlen(name) < 32 &&
			       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
				       strlen(name)
		       ? 0
		       : err_set("expected a name of lower case letters, digits, \"-\", \"_\" "
				 "and \".\", of 31 characters at most");
}

static int check_bool(const json_t *value)
{
	return json_is_boolean(value) ? 0 : err_set("expected true or false");
}

static int check_console(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && (!strcmp(text, "file") || !strcmp(text, "stdout"))
		       ? 0
		       : err_set("expected \"file\" or \"stdout\"");
}

static int check_object(const json_t *value)
{
	return json_is_object(value) ? 0 : err_set("expected an object");
}

/* Texts at any depth have placeholders. */
static int check_texts(const json_t *value)
{
	const char *name;
	json_t *v;
	size_t i;

	if (json_is_string(value))
		return check_placeholders(json_string_value(value));
	json_array_foreach (value, i, v)
		if (check_texts(v))
			return -1;
	json_object_foreach ((json_t *)value, name, v)
		if (check_texts(v))
			return err_add("%s", name);
	return 0;
}

static int check_config(const json_t *value)
{
	return check_object(value) || check_texts(value) ? -1 : 0;
}

struct key {
	const char *name;
	int (*check)(const json_t *value);
	bool needed;
};

static const struct key keys[] = {
	{"name", check_name, true},       {"program", check_text, true},
	{"version", check_text, false},   {"kvm", check_bool, false},
	{"arguments", check_words, true}, {"console", check_console, false},
	{"modes", check_object, true},
};

static const struct key mode_keys[] = {
	{"arguments", check_words, false},
	{"drive", check_words, false},
	{"needs", check_words, false},
	{"config", check_config, false},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct key *find(const struct key *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

/* All keys known, all there that must be, and each as it should be; where: "modes.none.". */
static int check_keys(json_t *object, const struct key *list, size_t count, const char *where)
{
	const char *name;
	json_t *value;

	for (size_t i = 0; i < count; i++)
		if (list[i].needed && !json_object_get(object, list[i].name))
			return err_set("%s%s is missing", where, list[i].name);
	json_object_foreach (object, name, value) {
		const struct key *key = find(list, count, name);

		if (!key)
			return err_set("%s%s: there is no such key", where, name);
		if (key->check(value))
			return err_add("%s%s", where, name);
	}
	return 0;
}

/* ---- the file ---- */

static enum monitor_mode_number mode_number(const char *name)
{
	enum monitor_mode_number n = 0;

	while (n < MODE_COUNT && strcmp(monitor_mode_name(n), name) != 0)
		n++;
	return n;
}

static int read_mode(struct monitor *m, const char *name, json_t *o)
{
	enum monitor_mode_number n = mode_number(name);
	char where[64];

	if (n == MODE_COUNT)
		return err_set("modes.%s: expected none, emulated, virtio, vhost or "
			       "passthrough",
			       name);
	snprintf(where, sizeof(where), "modes.%s.", name);
	if (!json_is_object(o))
		return err_set("modes.%s: expected an object", name);
	if (check_keys(o, mode_keys, COUNT(mode_keys), where))
		return -1;
	m->mode[n] = (struct monitor_mode){.name = monitor_mode_name(n),
					   .words = json_object_get(o, "arguments"),
					   .drive = json_object_get(o, "drive"),
					   .needs = json_object_get(o, "needs"),
					   .config = json_object_get(o, "config")};
	return 0;
}

static int read_all(struct monitor *m)
{
	json_t *o = m->document, *modes, *v;
	const char *console, *name;

	if (!json_is_object(o))
		return err_set("expected an object");
	if (check_keys(o, keys, COUNT(keys), ""))
		return -1;
	m->name = json_string_value(json_object_get(o, "name"));
	m->program = json_string_value(json_object_get(o, "program"));
	m->version = json_string_value(json_object_get(o, "version"));
	m->words = json_object_get(o, "arguments");
	m->kvm = !json_is_false(json_object_get(o, "kvm"));
	console = json_string_value(json_object_get(o, "console"));
	m->tells_on_stdout = console && !strcmp(console, "stdout");
	modes = json_object_get(o, "modes");
	json_object_foreach (modes, name, v)
		if (read_mode(m, name, v))
			return -1;
	return 0;
}

int monitor_read(struct monitor *m, const char *path)
{
	json_error_t why;

	*m = (struct monitor){.document = json_load_file(path, JSON_REJECT_DUPLICATES, &why)};
	if (!m->document)
		return err_set("%s, line %d: %s", path, why.line, why.text);
	if (!read_all(m))
		return 0;
	monitor_free(m);
	return err_add("%s", path);
}

void monitor_free(struct monitor *m)
{
	json_decref(m->document);
	*m = (struct monitor){0};
}
