/* The traceparent header: see traceparent.h. */
#include "tracer/traceparent.h"

#include <stddef.h>
#include <string.h>

#define VERSION_LENGTH 55 /* of version 00: all that later ones must begin with */

/* Lower case alone, as the standard has it; -1: no digit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(const char *text, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

bool traceparent_parse(struct traceparent *t, const char *value)
{
	size_t n = strcspn(value, " \t\r\n");
	uint8_t version;

	memset(t, 0, sizeof(*t));
	if (n < VERSION_LENGTH || value[n + strspn(value + n, " \t\r\n")])
		return false;
	if (!take_hex(value, &version, 1) || version == 0xff || value[2] != '-' ||
	    !take_hex(value + 3, t->trace_id, 16) || value[35] != '-' ||
	    !take_hex(value + 36, t->parent_id, 8) || value[52] != '-' ||
	    !take_hex(value + 53, &t->flags, 1))
		return false;
	/* what a later version adds begins with a dash */
	if (n > VERSION_LENGTH && (!version || value[VERSION_LENGTH] != '-'))
		return false;
	t->valid = !all_zero(t->trace_id, 16) && !all_zero(t->parent_id, 8);
	return t->valid;
}
