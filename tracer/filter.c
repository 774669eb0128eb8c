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

/* Text that filter_parse() can read again in quotes. */
static int set_text(char *to, size_t size, const char *option, const char *value)
{
	bool quotable = !strchr(value, '\'') || !strchr(value, '"');

	for (const char *s = value; *s; s++)
		quotable &= !iscntrl((unsigned char)*s);
	if (!*value || strlen(value) >= size || !quotable)
		return err_set("--%s: expected 1 to %zu characters, no control characters, and "
			       "quotes of one kind only",
			       option, size - 1);
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

int filter_take(void *filter, const char *name, char *value)
{
	return filter_set(filter, name, value);
}

/* ---- asking it ---- */

bool filter_asks_requests(const struct filter *f)
{
	return f->slower_than_ns || f->status_count || f->path[0];
}

bool filter_is_empty(const struct filter *f)
{
	return f->sample <= 1 && !filter_asks_requests(f) && !f->vm[0] && !f->flows.count;
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

/* A VM's clock domain is called after it. */
static bool is_called(const struct model_domain *d, const char *vm)
{
	static const char prefix[] = "guest:";

	return !strncmp(d->name, prefix, sizeof(prefix) - 1) &&
	       !strcmp(d->name + sizeof(prefix) - 1, vm);
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
		if (vm && m->domains[i].vm == vm && is_called(&m->domains[i], f->vm))
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
