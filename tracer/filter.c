/* Which requests are wanted: see filter.h. */
#include "tracer/filter.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/event.h"
#include "lib/units.h"
#include "tracer/model.h"

/* ---- the options ---- */

static int set_expression(struct filter *f, const char *value)
{
	if (strlen(value) >= sizeof(f->expression))
		return err_set("the filter is longer than %zu characters",
			       sizeof(f->expression) - 1);
	if (filter_compile(&f->flows, value))
		return -1;
	snprintf(f->expression, sizeof(f->expression), "%s", value);
	return 0;
}

static int set_slower_than(struct filter *f, const char *value)
{
	return units_parse_ns(value, &f->slower_than_ns) ? err_add("--slower-than") : 0;
}

/* "404", "5xx"; several with commas */
static int set_status(struct filter *f, const char *value)
{
	unsigned int n = 0;

	for (const char *s = value;; s += 4) {
		bool class = isdigit((unsigned char)s[0]) && !strncmp(s + 1, "xx", 2);
		unsigned int code = class ? (unsigned int)(s[0] - '0') * 100
					  : (unsigned int)strtoul(s, NULL, 10);

		if (n == FILTER_STATUSES_MAX || strnlen(s, 3) < 3 ||
		    (!class && strspn(s, "0123456789") != 3) || code < 100 || code > 999 ||
		    (s[3] && s[3] != ','))
			return err_set("--status %s: expected a status as 404 or a class as "
				       "5xx, or up to %d of them with commas between",
				       value, FILTER_STATUSES_MAX);
		f->status[n].from = (uint16_t)code;
		f->status[n++].to = (uint16_t)(class ? code + 99 : code);
		if (!s[3])
			break;
	}
	f->status_count = n;
	return 0;
}

static int set_text(char *to, size_t size, const char *option, const char *value)
{
	if (!*value || strlen(value) >= size)
		return err_set("--%s: expected 1 to %zu characters", option, size - 1);
	snprintf(to, size, "%s", value);
	return 0;
}

static int set_path(struct filter *f, const char *value)
{
	return set_text(f->path, sizeof(f->path), "path", value);
}

static int set_vm(struct filter *f, const char *value)
{
	return set_text(f->vm, sizeof(f->vm), "vm", value);
}

/* "1/16" or "16" */
static int set_sample(struct filter *f, const char *value)
{
	const char *digits = strncmp(value, "1/", 2) ? value : value + 2;
	char *end;
	unsigned long n = strtoul(digits, &end, 10);

	if (!isdigit((unsigned char)*digits) || *end || n < 1 || n > 1000000)
		return err_set("--sample %s: expected 1/N, N from 1 to 1000000", value);
	f->sample = (uint32_t)n;
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct filter *f, const char *value);
} options[] = {
	{"filter", set_expression},
	{"slower-than", set_slower_than},
	{"status", set_status},
	{"path", set_path},
	{"vm", set_vm},
	{"sample", set_sample},
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static size_t find_option(const char *name, size_t length)
{
	size_t i = 0;

	while (i < OPTIONS &&
	       (strlen(options[i].name) != length || strncmp(options[i].name, name, length)))
		i++;
	return i;
}

bool filter_knows(const char *name)
{
	return find_option(name, strlen(name)) < OPTIONS;
}

int filter_set(struct filter *f, const char *name, const char *value)
{
	size_t i = find_option(name, strlen(name));
	struct filter changed = *f;

	if (i == OPTIONS)
		return err_set("there is no filter --%s", name);
	if (options[i].set(&changed, value))
		return -1;
	*f = changed;
	return 0;
}

/* ---- one text ---- */

struct words {
	const char *at;
	char word[FILTER_TEXT_MAX];
};

static bool next_word(struct words *w)
{
	size_t n;

	w->at += strspn(w->at, " \t\n");
	n = strcspn(w->at, " \t\n");
	snprintf(w->word, sizeof(w->word), "%.*s", (int)n, w->at);
	w->at += n;
	return n > 0;
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
	char name[FILTER_TEXT_MAX], *value;
	size_t i;

	snprintf(name, sizeof(name), "%s", w->word + 2);
	value = strchr(name, '=');
	if (value)
		*value++ = '\0';
	i = find_option(name, strlen(name));
	if (i == OPTIONS || options[i].set == set_expression)
		return err_set(
			"a filter has no option \"--%s\": it has --slower-than, --status, "
			"--path, --vm and --sample",
			name);
	if (!value && !next_word(w))
		return err_set("--%s needs a value", name);
	return options[i].set(f, value ? value : w->word);
}

struct expression {
	char text[FILTER_TEXT_MAX];
	size_t used;
	size_t last; /* where its last word begins */
};

static void append(struct expression *e, const char *word)
{
	if (e->used)
		e->text[e->used++] = ' ';
	e->last = e->used;
	e->used += (size_t)snprintf(e->text + e->used, sizeof(e->text) - e->used, "%s", word);
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

static int parse_words(struct filter *f, struct words *w, struct expression *e)
{
	bool after_option = false;

	while (next_word(w)) {
		if (!strncmp(w->word, "--", 2)) {
			if (detach(e) || parse_option(f, w))
				return -1;
			after_option = true;
			continue;
		}
		if (after_option && is_joint(w->word) && strcmp(w->word, "not") &&
		    strcmp(w->word, "!") && !is_and(w->word))
			return err_set("\"%s\" after an option: options go together by \"and\" "
				       "alone",
				       w->word);
		if (!(after_option && is_and(w->word) && !e->used))
			append(e, w->word);
		after_option = false;
	}
	return 0;
}

int filter_parse(struct filter *f, const char *text)
{
	struct filter changed = *f;
	struct words w = {.at = text};
	struct expression e = {.used = 0};

	if (strlen(text) >= FILTER_TEXT_MAX)
		return err_set("the filter is longer than %d characters", FILTER_TEXT_MAX - 1);
	if (parse_words(&changed, &w, &e) || (e.used && set_expression(&changed, e.text)))
		return -1;
	*f = changed;
	return 0;
}

/* ---- asking it ---- */

bool filter_is_empty(const struct filter *f)
{
	return f->sample <= 1 && !f->slower_than_ns && !f->status_count && !f->path[0] &&
	       !f->vm[0] && !f->flows.count;
}

static void add(char *to, size_t size, const char *format, const char *text)
{
	size_t used = strlen(to);

	used += (size_t)snprintf(to + used, size - used, "%s", used ? " and " : "");
	if (used < size)
		snprintf(to + used, size - used, format, text);
}

void filter_text(const struct filter *f, char *to, size_t size)
{
	char part[64];
	size_t used = 0;

	to[0] = '\0';
	if (f->flows.count)
		add(to, size, "%s", f->expression);
	if (f->slower_than_ns) {
		snprintf(part, sizeof(part), "%lluns", (unsigned long long)f->slower_than_ns);
		add(to, size, "--slower-than %s", part);
	}
	for (unsigned int i = 0; i < f->status_count; i++) {
		bool class = f->status[i].from != f->status[i].to;

		used += (size_t)snprintf(part + used, sizeof(part) - used,
					 class ? "%s%uxx" : "%s%u", i ? "," : "",
					 f->status[i].from / (class ? 100 : 1));
	}
	if (f->status_count)
		add(to, size, "--status %s", part);
	if (f->path[0])
		add(to, size, "--path %s", f->path);
	if (f->vm[0])
		add(to, size, "--vm %s", f->vm);
	if (f->sample > 1) {
		snprintf(part, sizeof(part), "%u", f->sample);
		add(to, size, "--sample 1/%s", part);
	}
}

bool filter_flow(const struct filter *f, const uint8_t client[16], const uint8_t server[16],
		 uint16_t client_port, uint16_t server_port)
{
	uint32_t address;

	memcpy(&address, client + 12, sizeof(address));
	return sample_hash(address, client_port, server_port) <= sample_max(f->sample) &&
	       flow_filter_matches(&f->flows, client, server, client_port, server_port);
}

static bool slow(const struct filter *f, const struct request *r)
{
	const struct http_request *h = &r->http;

	if (!f->slower_than_ns)
		return true;
	if (r->measured)
		return r->end_to_end_ns > f->slower_than_ns;
	return h->answered && h->reply_last_ns - h->request_first_ns > f->slower_than_ns;
}

static bool status_wanted(const struct filter *f, uint16_t status)
{
	for (unsigned int i = 0; i < f->status_count; i++)
		if (status >= f->status[i].from && status <= f->status[i].to)
			return true;
	return !f->status_count;
}

static bool vm_wanted(const struct filter *f, const struct model *m, uint8_t vm)
{
	char number[8];

	if (!f->vm[0])
		return true;
	snprintf(number, sizeof(number), "%u", vm);
	if (vm && !strcmp(number, f->vm))
		return true;
	for (unsigned int i = 1; i < m->domain_count; i++)
		if (vm && m->domains[i].vm == vm && !strcmp(m->domains[i].name, f->vm))
			return true;
	return false;
}

bool filter_request(const struct filter *f, const struct model *m, const struct request *r)
{
	const struct http_request *h = &r->http;

	return slow(f, r) && status_wanted(f, h->answered ? h->status : 0) &&
	       (!f->path[0] || !fnmatch(f->path, h->path, 0)) && vm_wanted(f, m, r->vm) &&
	       filter_flow(f, h->client_addr, h->server_addr, h->client_port, h->server_port);
}
