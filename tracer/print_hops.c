/* The table of hops as a text to read: what each is, what marks it, why it exists. */
#include <string.h>

#include "lib/hop.h"
#include "tracer/print.h"

void print_paragraph(FILE *f, const char *text, int indent, int columns)
{
	while (*text) {
		size_t room = (size_t)(columns - indent), n = strlen(text);

		if (n > room) {
			n = room;
			while (n && text[n] != ' ')
				n--;
			n = n ? n : room;
		}
		fprintf(f, "%*s%.*s\n", indent, "", (int)n, text);
		text += n;
		text += *text == ' ';
	}
}

static void heading(FILE *f, const struct hop_info *hop, const struct hop_info *before,
		    struct table_style style)
{
	if (before && before->layer == hop->layer && before->direction == hop->direction)
		return;
	fprintf(f, "%s%s, %s%s\n\n", table_on(style, COLOUR_BOLD), layer_name(hop->layer),
		direction_name(hop->direction), table_off(style));
}

/* Nothing for a hop that every placement has. */
static void places(FILE *f, const struct hop_info *hop, struct table_style style)
{
	const char *between = "";

	if (hop->places == PLACE_ALL)
		return;
	fprintf(f, "%s    only in: ", table_on(style, COLOUR_DIM));
	for (unsigned int place = 1; place & PLACE_ALL; place <<= 1) {
		if (!(hop->places & place))
			continue;
		fprintf(f, "%s%s", between, place_name((enum strata_place)place));
		between = ", ";
	}
	fprintf(f, "%s\n", table_off(style));
}

int print_hops(FILE *f)
{
	struct table_style style = table_style_of(f);

	for (int i = 0; i < HOP_COUNT; i++) {
		const struct hop_info *hop = &hop_table[i];

		heading(f, hop, i ? hop - 1 : NULL, style);
		fprintf(f, "  %s%s%s  %s\n", table_on(style, COLOUR_BOLD), hop->name,
			table_off(style), hop->title);
		print_paragraph(f, hop->text, 4, PRINT_COLUMNS);
		fprintf(f, "%s    marked by: %s%s\n", table_on(style, COLOUR_DIM), hop->probe,
			table_off(style));
		places(f, hop, style);
		fputc('\n', f);
	}
	return ferror(f) ? -1 : 0;
}
