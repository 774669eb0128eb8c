/* A monitor's command line: see monitor.h. */
#include "bench/peers/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define VERSION_MS 10000

static int find_program(const struct monitor *m, char *path, size_t bytes)
{
	const char *from = getenv("PATH");

	if (!strncmp(m->program, "strata-", 7))
		return path_program(path, bytes, m->program);
	if (*m->program == '/') {
		snprintf(path, bytes, "%s", m->program);
		return access(path, X_OK) ? err_errno("%s", path) : 0;
	}
	while (from && *from) {
		size_t n = strcspn(from, ":");

		snprintf(path, bytes, "%.*s/%s", (int)n, from, m->program);
		if (!access(path, X_OK))
			return 0;
		from += n + (from[n] == ':');
	}
	return err_set("%s is not installed", m->program);
}

const char *monitor_missing(const struct monitor *m, const struct monitor_mode *mode)
{
	static char why[600];
	char path[PATH_MAX];
	json_t *file;
	size_t i;

	*why = '\0';
	if (find_program(m, path, sizeof(path)))
		snprintf(why, sizeof(why), "%s", err_text());
	json_array_foreach (mode->needs, i, file)
		if (!*why && access(json_string_value(file), R_OK | W_OK))
			snprintf(why, sizeof(why), "%.500s cannot be opened",
				 json_string_value(file));
	return *why ? why : NULL;
}

json_t *monitor_version(const struct monitor *m)
{
	char path[PATH_MAX], *text = NULL;
	const char *const argv[] = {path, m->version, NULL};
	json_t *version;

	if (!m->version || find_program(m, path, sizeof(path)) ||
	    proc_run(argv, NULL, VERSION_MS, &text))
		return json_null();
	text[strcspn(text, "\n")] = '\0';
	version = json_string(text);
	free(text);
	return version;
}

/* ---- placeholders ---- */

/* NULL: there is none of that name. */
static const char *value_of(const struct plan *p, const char *name, size_t length,
			    char number[12])
{
	const struct {
		const char *name, *value;
		unsigned int number;
	} rows[] = {
		{"kernel", p->kernel, 0},   {"initrd", p->initrd, 0},
		{"append", p->append, 0},   {"disk", p->disk, 0},
		{"console", p->console, 0}, {"control", p->control, 0},
		{"config", p->config, 0},   {"tap", p->tap, 0},
		{"mac", p->mac, 0},         {"card", p->card, 0},
		{"drive", p->drive, 0},     {"memory", NULL, p->memory_mib},
		{"cpus", NULL, p->cpus},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strlen(rows[i].name) != length || strncmp(rows[i].name, name, length))
			continue;
		if (rows[i].value)
			return rows[i].value;
		snprintf(number, 12, "%u", rows[i].number);
		return number;
	}
	return NULL;
}

bool monitor_placeholder(const char *name, size_t length)
{
	const struct plan nothing = {0};
	char number[12];

	return value_of(&nothing, name, length, number) != NULL;
}

/* length bytes with their placeholders filled in. */
static void expand(const struct plan *p, const char *from, size_t length, char *text,
		   size_t bytes)
{
	char number[12];
	size_t n = 0;

	for (size_t i = 0; i < length && n < bytes - 1; i++) {
		size_t end = from[i] == '{' ? strcspn(from + i, "}") : 0;
		const char *value = end ? value_of(p, from + i + 1, end - 1, number) : NULL;

		if (!value) {
			text[n++] = from[i];
			continue;
		}
		n += (size_t)snprintf(text + n, bytes - n, "%s", value);
		i += end;
	}
	text[n < bytes ? n : bytes - 1] = '\0';
}

/* Words are separated by spaces; what is filled in may have some. */
static void add_words(struct words *w, const struct plan *p, const json_t *list)
{
	char text[2 * PATH_MAX];
	json_t *line;
	size_t i;

	json_array_foreach (list, i, line) {
		const char *words = json_string_value(line);

		while (*(words += strspn(words, " "))) {
			size_t length = strcspn(words, " ");

			expand(p, words, length, text, sizeof(text));
			words_add(w, "%s", text);
			words += length;
		}
	}
}

/* A copy with all texts filled in; "{memory}" and "{cpus}" alone become numbers. */
static json_t *filled_in(const struct plan *p, const json_t *from)
{
	char text[2 * PATH_MAX];
	const char *key;
	json_t *to, *v;
	size_t i;

	if (json_is_string(from)) {
		const char *s = json_string_value(from);

		if (!strcmp(s, "{memory}") || !strcmp(s, "{cpus}"))
			return json_integer(s[1] == 'm' ? p->memory_mib : p->cpus);
		expand(p, s, strlen(s), text, sizeof(text));
		return json_string(text);
	}
	if (json_is_array(from)) {
		to = json_array();
		json_array_foreach (from, i, v)
			json_array_append_new(to, filled_in(p, v));
		return to;
	}
	if (json_is_object(from)) {
		to = json_object();
		json_object_foreach ((json_t *)from, key, v)
			json_object_set_new(to, key, filled_in(p, v));
		return to;
	}
	return json_deep_copy(from);
}

static int write_config(const struct monitor_mode *mode, const struct plan *p)
{
	json_t *config = filled_in(p, mode->config);
	int result = config ? json_dump_file(config, p->config, JSON_INDENT(1)) : -1;

	json_decref(config);
	return result ? err_errno("write %s", p->config) : 0;
}

int monitor_command(const struct monitor *m, const struct monitor_mode *mode,
		    const struct plan *p, struct words *w)
{
	char path[PATH_MAX];

	if (find_program(m, path, sizeof(path)) || (mode->config && write_config(mode, p)))
		return -1;
	words_add(w, "%s", path);
	add_words(w, p, m->words);
	add_words(w, p, mode->words);
	if (*p->drive)
		add_words(w, p, mode->drive);
	return 0;
}
