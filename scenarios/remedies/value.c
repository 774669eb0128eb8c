/* What people write as values of settings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"
#include "scenarios/remedies/internal.h"

#define PERIOD_US     100000 /* the kernel's own */
#define PERIOD_US_MIN 1000   /* kernel/sched/core.c: min_cfs_quota_period */
#define PERIOD_US_MAX 1000000
#define PERCENT_MAX   102400
#define WEIGHT_MAX    10000 /* Documentation/admin-guide/cgroup-v2.rst, cpu.weight */

int value_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < least || n > most)
		return err_set("\"%s\" is not a number from %llu to %llu", text,
			       (unsigned long long)least, (unsigned long long)most);
	*out = n;
	return 0;
}

/* "3" or "3-5" at *text, which is moved behind it. */
static int take_range(const char **text, unsigned long *first, unsigned long *last)
{
	char *end;

	if (**text < '0' || **text > '9')
		return -1;
	*first = *last = strtoul(*text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		*last = strtoul(end + 1, &end, 10);
	*text = end;
	return *first <= *last && *last < CPU_SETSIZE ? 0 : -1;
}

int value_cpus(const char *text, cpu_set_t *set)
{
	const char *at = text;
	unsigned long first, last;

	CPU_ZERO(set);
	do {
		at += at != text;
		if (take_range(&at, &first, &last))
			return err_set("\"%s\" is no list of CPUs like 0-2,5", text);
		for (; first <= last; first++)
			CPU_SET(first, set);
	} while (*at == ',');
	return *at ? err_set("\"%s\" is no list of CPUs like 0-2,5", text) : 0;
}

void cpus_text(const cpu_set_t *set, char *text, size_t bytes)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < CPU_SETSIZE && used + 16 < bytes; i++) {
		int first = i;

		if (!CPU_ISSET(i, set))
			continue;
		while (i + 1 < CPU_SETSIZE && CPU_ISSET(i + 1, set))
			i++;
		used += (size_t)snprintf(text + used, bytes - used, "%s%d", used ? "," : "",
					 first);
		if (i > first)
			used += (size_t)snprintf(text + used, bytes - used, "-%d", i);
	}
}

int value_cpu_max(const char *text, long long *quota_us, long long *period_us)
{
	char percent[32];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t n, period_ns = PERIOD_US * 1000ULL;

	*quota_us = -1;
	*period_us = PERIOD_US;
	if (!strcmp(text, "max"))
		return 0;
	if (length < 2 || length > sizeof(percent) || text[length - 1] != '%')
		return err_set("\"%s\" is no cap like 50%% (of one CPU), 150%%/10ms or max",
			       text);
	snprintf(percent, sizeof(percent), "%.*s", (int)length - 1, text);
	if (value_number(percent, 1, PERCENT_MAX, &n) ||
	    (slash && units_parse_ns(slash + 1, &period_ns)))
		return err_add("%s", text);
	*period_us = (long long)(period_ns / 1000);
	if (period_ns / 1000 < PERIOD_US_MIN || period_ns / 1000 > PERIOD_US_MAX)
		return err_set("%s: a period is from 1ms to 1s", text);
	*quota_us = (long long)n * *period_us / 100;
	if (*quota_us < PERIOD_US_MIN)
		return err_set("%s: less than 1 ms in each period, which the kernel refuses; "
			       "make the period longer",
			       text);
	return 0;
}

int value_weight(const char *text, unsigned int *weight)
{
	uint64_t n;

	if (value_number(text, 1, WEIGHT_MAX, &n))
		return -1;
	*weight = (unsigned int)n;
	return 0;
}

int value_bytes(const char *text, uint64_t *bytes)
{
	if (!strcmp(text, "max")) {
		*bytes = UINT64_MAX;
		return 0;
	}
	return units_parse_bytes(text, bytes) ? err_add("or \"max\"") : 0;
}

/* ---- "key=value,key=value" ---- */

struct pair {
	const char *key;
	int (*parse)(const char *text, uint64_t *out);
	uint64_t *out;
};

static int take_pair(const char *item, const struct pair *pairs, const char *all)
{
	for (; pairs->key; pairs++) {
		size_t n = strlen(pairs->key);

		if (strncmp(item, pairs->key, n) || item[n] != '=')
			continue;
		return pairs->parse(item + n + 1, pairs->out) ? err_add("%s", all) : 0;
	}
	return err_set("%s: \"%s\" is nothing it knows", all, item);
}

static int take_pairs(const char *text, const struct pair *pairs)
{
	char copy[256], *save = NULL;

	if (strlen(text) >= sizeof(copy))
		return err_set("a value of more than %zu bytes", sizeof(copy) - 1);
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save))
		if (take_pair(item, pairs, text))
			return -1;
	return 0;
}

static int parse_count(const char *text, uint64_t *out)
{
	return value_number(text, 1, UINT32_MAX, out);
}

static int parse_amount(const char *text, uint64_t *out)
{
	if (units_parse_bytes(text, out))
		return -1;
	return *out ? 0 : err_set("\"%s\" would let nothing through at all", text);
}

int value_io(const char *text, struct io_limits *out)
{
	const char *colon = text[0] == '/' ? strrchr(text, ':') : NULL;
	size_t length = colon ? (size_t)(colon - text) : 0;
	const struct pair pairs[] = {
		{"rbps", parse_amount, &out->rbps},
		{"wbps", parse_amount, &out->wbps},
		{"riops", parse_count, &out->riops},
		{"wiops", parse_count, &out->wiops},
		{NULL, NULL, NULL},
	};

	*out = (struct io_limits){0};
	if ((text[0] == '/' && !colon) || length >= sizeof(out->device))
		return err_set("\"%s\" is not like /dev/sda:rbps=10M,wiops=100", text);
	snprintf(out->device, sizeof(out->device), "%.*s", (int)length, text);
	if (take_pairs(colon ? colon + 1 : text, pairs))
		return -1;
	return out->rbps || out->wbps || out->riops || out->wiops
		       ? 0
		       : err_set("\"%s\" says no limit: rbps=, wbps=, riops= or wiops=", text);
}

int value_rate(const char *text, struct rate *out)
{
	const char *comma = strchr(text, ',');
	char first[32];
	const struct pair pairs[] = {
		{"burst", parse_amount, &out->burst},
		{"latency", units_parse_ns, &out->latency_ns},
		{NULL, NULL, NULL},
	};

	*out = (struct rate){0};
	snprintf(first, sizeof(first), "%.*s", (int)(comma ? comma - text : 31), text);
	if (parse_amount(first, &out->bytes))
		return err_add("%s", text);
	return comma ? take_pairs(comma + 1, pairs) : 0;
}

int value_pins(const char *text, int cpu[PINS_MAX])
{
	const char *at = text;
	unsigned long first, last;
	int n = 0;

	do {
		at += at != text;
		if (take_range(&at, &first, &last))
			return err_set("\"%s\" is no list of CPUs like 2,3", text);
		for (; first <= last; first++) {
			if (n == PINS_MAX)
				return err_set("more than %d CPUs", PINS_MAX);
			cpu[n++] = (int)first;
		}
	} while (*at == ',');
	return *at ? err_set("\"%s\" is no list of CPUs like 2,3", text) : n;
}

int value_mask(const char *text, uint64_t *mask)
{
	char *end;

	errno = 0;
	*mask = strtoull(text, &end, 16);
	if (text[0] == '-' || text[0] == '+' || end == text || *end || errno || !*mask)
		return err_set("\"%s\" is no mask like 0xf", text);
	/* Intel's processors take no others. */
	if ((*mask >> __builtin_ctzll(*mask)) & ((*mask >> __builtin_ctzll(*mask)) + 1))
		return err_set("\"%s\": the bits of a mask are next to each other", text);
	return 0;
}
