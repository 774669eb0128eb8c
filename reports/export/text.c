/* Numbers and texts: see text.h. */
#include "reports/export/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

struct text_number text_fraction(uint64_t n, unsigned int digits)
{
	struct text_number t;
	uint64_t unit = 1;

	for (unsigned int i = 0; i < digits; i++)
		unit *= 10;
	snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%0*" PRIu64, n / unit, (int)digits, n % unit);
	return t;
}

struct text_number text_time(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct text_number t;
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(t.s, sizeof(t.s), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(t.s + n, sizeof(t.s) - n, ".%09uZ", (unsigned int)(ns % 1000000000));
	return t;
}

void text_csv(FILE *f, const char *text)
{
	bool formula = *text && strchr("=+-@", *text);

	if (!formula && !strpbrk(text, ",\"\r\n")) {
		fputs(text, f);
		return;
	}
	fputs(formula ? "\"'" : "\"", f);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', f);
		fputc(*text, f);
	}
	fputc('"', f);
}

void text_json(FILE *f, const char *text)
{
	json_t *s = json_string(text); /* NULL: it is not UTF-8 */

	if (!s || json_dumpf(s, f, JSON_ENCODE_ANY))
		fputs("\"?\"", f);
	json_decref(s);
}
