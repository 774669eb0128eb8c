/* A filter of connections as JSON: one text of hexadecimal digits, for the room is small. */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/flow_filter.h"

#define DIGITS 16 /* of an instruction: code 4, jt 2, jf 2, k 8 */

json_t *flow_filter_json(const struct flow_filter *f)
{
	char text[FLOW_FILTER_MAX * DIGITS + 1];

	if (!f->count)
		return NULL;
	for (unsigned int i = 0; i < f->count; i++)
		snprintf(text + (size_t)i * DIGITS, DIGITS + 1, "%04x%02x%02x%08x",
			 f->code[i].code, f->code[i].jt, f->code[i].jf, f->code[i].k);
	return json_string(text);
}

int flow_filter_from_json(struct flow_filter *f, const json_t *json)
{
	const char *text = json_is_string(json) ? json_string_value(json) : "";
	size_t length = strlen(text);

	f->count = 0;
	if (length % DIGITS || length / DIGITS > FLOW_FILTER_MAX)
		return err_set("the filter has %zu digits: that is no program of up to %d "
			       "instructions",
			       length, FLOW_FILTER_MAX);
	for (const char *s = text; *s; s += DIGITS) {
		unsigned int code, jt, jf, k;

		if (sscanf(s, "%4x%2x%2x%8x", &code, &jt, &jf, &k) != 4)
			break;
		f->code[f->count++] = (struct sock_filter){(__u16)code, (__u8)jt, (__u8)jf, k};
	}
	if (f->count == length / DIGITS && flow_filter_valid(f))
		return 0;
	f->count = 0;
	return err_set("the filter is no program that could be run");
}
