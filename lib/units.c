/* Numbers for people: see units.h. */
#include "lib/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

/* Three significant digits; v is below 1000 but may round up to it, so the caller decides by
 * the rounded value. */
static void three_digits(char *buf, size_t bytes, double v, const char *unit)
{
	int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;

	snprintf(buf, bytes, "%.*f %s", decimals, v, unit);
}

struct units_text units_ns(uint64_t ns, bool utf8)
{
	static const struct {
		double ns;
		const char *name, *ascii;
	} scale[] = {{1e3, "µs", "us"}, {1e6, "ms", "ms"}, {1e9, "s", "s"}};
	struct units_text t = {""};
	size_t i = 0;

	if (ns < 1000) {
		snprintf(t.s, sizeof(t.s), "%u ns", (unsigned int)ns);
		return t;
	}
	while (i < 2 && (double)ns / scale[i].ns >= 999.5)
		i++;
	three_digits(t.s, sizeof(t.s), (double)ns / scale[i].ns,
		     utf8 ? scale[i].name : scale[i].ascii);
	return t;
}

struct units_text units_count(uint64_t n)
{
	struct units_text t = {""};
	char digits[24];
	size_t len, out = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.s[out++] = ',';
		t.s[out++] = digits[i];
	}
	t.s[out] = '\0';
	return t;
}

struct units_text units_bytes(uint64_t n)
{
	static const char *const names[] = {"KiB", "MiB", "GiB", "TiB"};
	struct units_text t = {""};
	double v = (double)n / 1024;
	size_t i = 0;

	if (n < 1024) {
		snprintf(t.s, sizeof(t.s), "%u byte%s", (unsigned int)n, n == 1 ? "" : "s");
		return t;
	}
	while (i < 3 && v >= 999.5) {
		v /= 1024;
		i++;
	}
	three_digits(t.s, sizeof(t.s), v, names[i]);
	return t;
}

int units_parse_ns(const char *text, uint64_t *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1},     {"us", 1e3}, {"µs", 1e3},   {"ms", 1e6}, {"s", 1e9},
		     {"min", 6e10}, {"m", 6e10}, {"h", 3.6e12}, {"", 1e9}};
	char *end;
	double v;

	errno = 0;
	v = isdigit((unsigned char)text[0]) || text[0] == '.' ? strtod(text, &end) : -1;
	if (v < 0 || !isfinite(v) || errno)
		return err_set("\"%s\" is no duration: write 250ms, 1.5s or 2m", text);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (v * units[i].ns > 9e18)
			return err_set("\"%s\" is too long a duration", text);
		*ns = (uint64_t)(v * units[i].ns + 0.5);
		return 0;
	}
	return err_set("\"%s\": unknown unit \"%s\", known are ns, us, ms, s, m, h", text, end);
}

int units_parse_bytes(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long n;
	unsigned int shift = 0;

	errno = 0;
	n = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	if (!n || errno)
		return err_set("%s: expected a size as 64M or 1G", text);
	if (*end && (unit = strchr(units, *end)) != NULL) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (*end || n > UINT64_MAX >> shift)
		return err_set("%s: expected a size as 64M or 1G", text);
	*bytes = n << shift;
	return 0;
}
