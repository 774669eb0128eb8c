/* The filter box: see wanted.h. */
#include "tui/wanted.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"

static int set_slower_than(struct wanted *w, const char *value)
{
	return units_parse_ns(value, &w->slower_than_ns);
}

static int set_status(struct wanted *w, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (end == value + 1 && !strcmp(end, "xx") && n >= 1 && n <= 5) {
		w->status_from = (uint16_t)(n * 100);
		w->status_to = (uint16_t)(n * 100 + 99);
		return 0;
	}
	if (end != value + 3 || *end || n < 100 || n > 599)
		return err_set("status %s: expected three digits, or 1xx to 5xx", value);
	w->status_from = w->status_to = (uint16_t)n;
	return 0;
}

static int set_path(struct wanted *w, const char *value)
{
	if (strlen(value) >= sizeof(w->path))
		return err_set("path: a pattern longer than %zu bytes", sizeof(w->path) - 1);
	snprintf(w->path, sizeof(w->path), "%s", value);
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct wanted *w, const char *value);
} words[] = {
	{"slower-than", set_slower_than},
	{"status", set_status},
	{"path", set_path},
};

/* The next word, quotes taken away; NULL: there is none. */
static char *next_word(char **text)
{
	char *s = *text + strspn(*text, " \t"), *word = s;

	if (!*s)
		return NULL;
	if (*s == '\'' || *s == '"') {
		word = s + 1;
		s = strchr(word, *s);
	} else {
		s += strcspn(s, " \t");
	}
	if (s && *s)
		*s++ = '\0';
	*text = s ? s : word + strlen(word);
	return word;
}

static int set_word(struct wanted *w, const char *name, const char *value)
{
	name += strncmp(name, "--", 2) ? 0 : 2;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, name))
			continue;
		return value ? words[i].set(w, value) : err_set("%s: of what?", name);
	}
	return err_set("a filter has no \"%s\": there are slower-than TIME, status N or 5xx, "
		       "path PATTERN",
		       name);
}

int wanted_parse(struct wanted *w, const char *text)
{
	char copy[WANTED_TEXT_MAX], *rest = copy, *word;
	struct wanted parsed = {0};

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return err_set("a filter longer than %d bytes", WANTED_TEXT_MAX - 1);
	while ((word = next_word(&rest))) {
		if (!strcmp(word, "and"))
			continue;
		if (set_word(&parsed, word, next_word(&rest)))
			return -1;
	}
	*w = parsed;
	return 0;
}

bool wanted_request(const struct wanted *w, const struct request *r)
{
	if (w->slower_than_ns && (!r->measured || r->end_to_end_ns < w->slower_than_ns))
		return false;
	if (w->status_from && (!r->http.answered || r->http.status < w->status_from ||
			       r->http.status > w->status_to))
		return false;
	return !w->path[0] || !fnmatch(w->path, r->http.path, 0);
}
