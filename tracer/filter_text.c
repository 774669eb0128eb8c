/* A filter as one text, read and written: see filter.h. */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/filter.h"

#define SPACE " \t\n"

struct words {
	const char *at;
	char word[FILTER_TEXT_MAX];
};

/* The next word; of a value, what is in quotes. */
static bool next_word(struct words *w, bool value)
{
	const char *end;

	w->at += strspn(w->at, SPACE);
	if (value && (*w->at == '\'' || *w->at == '"') &&
	    (end = strchr(w->at + 1, *w->at)) != NULL) {
		snprintf(w->word, sizeof(w->word), "%.*s", (int)(end - w->at - 1), w->at + 1);
		w->at = end + 1;
		return true;
	}
	end = w->at + strcspn(w->at, SPACE);
	snprintf(w->word, sizeof(w->word), "%.*s", (int)(end - w->at), w->at);
	w->at = end;
	return w->word[0];
}

static bool is_and(const char *word)
{
	return !strcmp(word, "and") || !strcmp(word, "&&");
}

static bool is_joint(const char *word)
{
	return is_and(word) || !strcmp(word, "or") || !strcmp(word, "||") ||
	       !strcmp(word, "not") || !strcmp(word, "!");
}

/* An option among the words; its value follows "=" or is the next word. */
static int parse_option(struct filter *f, struct words *w)
{
	size_t length = strcspn(w->at + 2, "=" SPACE);
	char name[FILTER_TEXT_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)length, w->at + 2);
	if (!filter_knows(name) || !strcmp(name, "filter"))
		return err_set(
			"a filter has no option \"--%s\": it has --slower-than, --status, "
			"--path, --vm and --sample",
			name);
	w->at += 2 + length;
	w->at += *w->at == '=';
	if (!next_word(w, true))
		return err_set("--%s needs a value", name);
	return filter_set(f, name, w->word);
}

/* What is not an option, and how far it has come. */
struct expression {
	char text[FILTER_TEXT_MAX];
	size_t used;
	size_t last; /* where its last word begins */
	int depth;   /* of parentheses */
	bool options, after_option;
};

static void append(struct expression *e, const char *word)
{
	if (e->used)
		e->text[e->used++] = ' ';
	e->last = e->used;
	e->used += (size_t)snprintf(e->text + e->used, sizeof(e->text) - e->used, "%s", word);
	for (; *word; word++)
		e->depth += (*word == '(') - (*word == ')');
}

/* Take an "and" before an option off; anything else that joins cannot stand there. */
static int detach(struct expression *e)
{
	const char *last = e->text + e->last;

	if (!e->used || !is_joint(last))
		return 0;
	if (!is_and(last))
		return err_set("\"%s\" before an option: options go together by \"and\" alone",
			       last);
	e->used = e->last ? e->last - 1 : 0;
	e->text[e->used] = '\0';
	for (e->last = e->used; e->last && e->text[e->last - 1] != ' ';)
		e->last--;
	return 0;
}

static int take_word(struct expression *e, const char *word)
{
	/* pcap reads "and" and "or" from left to right */
	if (e->options && e->depth == 0 && (!strcmp(word, "or") || strstr(word, "||")))
		return err_set("\"%s\" after an option: put the options last, or what \"%s\" "
			       "joins into parentheses",
			       word, word);
	if (!(e->after_option && is_and(word) && !e->used))
		append(e, word);
	e->after_option = false;
	return 0;
}

static int take_option(struct filter *f, struct words *w, struct expression *e)
{
	if (e->depth)
		return err_set("an option within parentheses: options go together with the "
			       "rest by \"and\" alone");
	e->options = e->after_option = true;
	return detach(e) ? -1 : parse_option(f, w);
}

int filter_parse(struct filter *f, const char *text)
{
	struct filter changed = *f;
	struct words w = {.at = text};
	struct expression e = {.used = 0};

	if (strlen(text) >= FILTER_TEXT_MAX)
		return err_set("the filter is longer than %d characters", FILTER_TEXT_MAX - 1);
	while (*(w.at += strspn(w.at, SPACE))) {
		if (strncmp(w.at, "--", 2) ? !next_word(&w, false) || take_word(&e, w.word)
					   : take_option(&changed, &w, &e))
			return -1;
	}
	if (e.used && filter_set(&changed, "filter", e.text))
		return -1;
	*f = changed;
	return 0;
}

/* ---- writing it ---- */

static void add(char *to, size_t size, const char *option, const char *text)
{
	const char *quote = !*option || !strpbrk(text, SPACE "'\"") ? ""
			    : strchr(text, '\'')                    ? "\""
								    : "'";
	size_t used = strlen(to);

	snprintf(to + used, size - used, "%s%s%s%s%s", used ? " and " : "", option, quote, text,
		 quote);
}

static void add_status(const struct filter *f, char *to, size_t size)
{
	char text[FILTER_STATUSES_MAX * 4 + 1];
	size_t used = 0;

	for (unsigned int i = 0; i < f->status_count; i++) {
		bool class = f->status[i].from != f->status[i].to;

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 class ? "%s%uxx" : "%s%u", i ? "," : "",
					 f->status[i].from / (class ? 100 : 1));
	}
	if (f->status_count)
		add(to, size, "--status ", text);
}

void filter_text(const struct filter *f, char *to, size_t size)
{
	char part[32];

	to[0] = '\0';
	if (f->flows.count)
		add(to, size, "", f->expression);
	if (f->slower_than_ns) {
		snprintf(part, sizeof(part), "%lluns", (unsigned long long)f->slower_than_ns);
		add(to, size, "--slower-than ", part);
	}
	add_status(f, to, size);
	if (f->path[0])
		add(to, size, "--path ", f->path);
	if (f->vm[0])
		add(to, size, "--vm ", f->vm);
	if (f->sample > 1) {
		snprintf(part, sizeof(part), "1/%u", f->sample);
		add(to, size, "--sample ", part);
	}
}
