/* Text tables: see table.h. */
#include "lib/table.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/err.h"

#define GAP 2 /* columns between columns */

struct cell {
	char *text; /* NULL: a rule */
	enum table_colour colour;
};

struct table {
	size_t columns;
	struct table_column *column;
	struct cell *cells;
	size_t count, capacity;
	bool failed;
};

/* The locale's name decides, even where the program never called setlocale(). */
static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *codeset = nl_langinfo(CODESET);

	if (codeset && !strcasecmp(codeset, "UTF-8"))
		return true;
	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

struct table_style table_style_of(FILE *f)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return (struct table_style){
		.utf8 = locale_is_utf8(),
		.colour = isatty(fileno(f)) && !(no_color && *no_color) && term && *term &&
			  strcmp(term, "dumb"),
	};
}

const char *table_on(struct table_style style, enum table_colour c)
{
	static const char *const on[] = {"",         "\033[1m",  "\033[2m",
					 "\033[31m", "\033[32m", "\033[33m",
					 "\033[34m", "\033[35m", "\033[36m"};

	return style.colour ? on[c] : "";
}

const char *table_off(struct table_style style)
{
	return style.colour ? "\033[0m" : "";
}

/* Decode one character; a byte that is no UTF-8 counts as one. Returns its length. */
static size_t decode(const unsigned char *s, uint32_t *code)
{
	size_t n = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	*code = n == 1 ? s[0] : s[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*code = s[0];
			return 1;
		}
		*code = *code << 6 | (s[i] & 0x3f);
	}
	return n;
}

static size_t code_width(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || c == 0x200b || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	    (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	    (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return c >= 0x20 && c != 0x7f;
}

/* Length in bytes of the escape sequence that starts here; 0 if none does. */
static size_t escape(const char *s)
{
	size_t n = 2;

	if (s[0] != '\033' || s[1] != '[')
		return 0;
	while (s[n] && !(s[n] >= '@' && s[n] <= '~'))
		n++;
	return s[n] ? n + 1 : n;
}

/* Bytes of text that fit into max columns; *width is what they take. */
static size_t fit(const char *text, size_t max, size_t *width)
{
	size_t i = 0, w = 0;

	while (text[i]) {
		size_t n = escape(text + i);
		uint32_t code;

		if (n) {
			i += n;
			continue;
		}
		n = decode((const unsigned char *)text + i, &code);
		if (w + code_width(code) > max)
			break;
		w += code_width(code);
		i += n;
	}
	*width = w;
	return i;
}

size_t table_width(const char *text)
{
	size_t width;

	fit(text, SIZE_MAX, &width);
	return width;
}

static void spaces(FILE *f, size_t n)
{
	fprintf(f, "%*s", (int)n, "");
}

void table_pad(FILE *f, struct table_style style, const char *text, size_t width, bool right)
{
	size_t w = table_width(text), bytes;

	if (w > width && width) {
		bytes = fit(text, width - 1, &w);
		fprintf(f, "%.*s%s", (int)bytes, text, style.utf8 ? "…" : "~");
		spaces(f, width - 1 - w);
		return;
	}
	if (right)
		spaces(f, width - w);
	fputs(text, f);
	if (!right)
		spaces(f, width - w);
}

void table_bar(char *buf, size_t bytes, double value, double max, size_t width, bool utf8)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	size_t n = max > 0 && value > 0 ? (size_t)(value / max * (double)width * 8 + 0.5) : 0;
	size_t out = 0;

	if (n > width * 8)
		n = width * 8;
	if (!n && value > 0 && max > 0)
		n = 1; /* something is never drawn as nothing */
	buf[0] = '\0';
	if (!utf8)
		n = (n + 7) / 8 * 8;
	for (size_t i = 0; i < n / 8 && out + 4 < bytes; i++)
		out += (size_t)snprintf(buf + out, bytes - out, "%s", utf8 ? "█" : "#");
	if (n % 8)
		snprintf(buf + out, bytes - out, "%s", eighths[n % 8]);
}

struct table *table_create(const struct table_column *columns, size_t count)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t || !(t->column = malloc(count * sizeof(*columns)))) {
		free(t);
		err_set("out of memory for a table");
		return NULL;
	}
	memcpy(t->column, columns, count * sizeof(*columns));
	t->columns = count;
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->column);
	free(t);
}

static void append(struct table *t, char *text, enum table_colour c)
{
	if (t->count == t->capacity) {
		size_t capacity = t->capacity ? t->capacity * 2 : 64;
		struct cell *cells = realloc(t->cells, capacity * sizeof(*cells));

		if (!cells) {
			t->failed = true;
			free(text);
			return;
		}
		t->cells = cells;
		t->capacity = capacity;
	}
	t->cells[t->count++] = (struct cell){text, c};
}

void table_cell(struct table *t, enum table_colour c, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		t->failed = true;
	else
		append(t, text, c);
	va_end(ap);
}

void table_rule(struct table *t)
{
	for (size_t i = 0; i < t->columns; i++)
		append(t, NULL, COLOUR_NONE);
}

/* Widths that the contents want, then narrowed where the whole is too wide. */
static void fix_widths(const struct table *t, size_t *width, size_t max_width)
{
	size_t total = (t->columns - 1) * GAP;

	for (size_t i = 0; i < t->columns; i++)
		width[i] = table_width(t->column[i].header);
	for (size_t i = 0; i < t->count; i++) {
		size_t w = t->cells[i].text ? table_width(t->cells[i].text) : 0;

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->columns; i++)
		total += width[i];
	for (size_t i = 0; i < t->columns && max_width && total > max_width; i++) {
		size_t least = t->column[i].shrink, cut = total - max_width;

		if (!least || width[i] <= least)
			continue;
		if (cut > width[i] - least)
			cut = width[i] - least;
		width[i] -= cut;
		total -= cut;
	}
}

static void print_rule(const struct table *t, FILE *f, struct table_style style,
		       const size_t *width)
{
	size_t total = (t->columns - 1) * GAP;

	for (size_t i = 0; i < t->columns; i++)
		total += width[i];
	fputs(table_on(style, COLOUR_DIM), f);
	while (total--)
		fputs(style.utf8 ? "─" : "-", f);
	fprintf(f, "%s\n", table_off(style));
}

static void print_cell(const struct table *t, FILE *f, struct table_style style, size_t column,
		       const char *text, enum table_colour c, size_t width)
{
	bool last = column + 1 == t->columns;

	if (last && !*text) {
		fputc('\n', f);
		return;
	}
	if (column)
		spaces(f, GAP);
	fputs(table_on(style, c), f);
	/* nothing is padded at the end of a line */
	if (last && !t->column[column].right && table_width(text) <= width)
		fputs(text, f);
	else
		table_pad(f, style, text, width, t->column[column].right);
	if (c != COLOUR_NONE)
		fputs(table_off(style), f);
	if (last)
		fputc('\n', f);
}

int table_print(struct table *t, FILE *f, struct table_style style, size_t max_width)
{
	size_t width[t->columns];

	if (t->failed)
		return err_set("out of memory for a table");
	fix_widths(t, width, max_width);
	for (size_t i = 0; i < t->columns; i++)
		print_cell(t, f, style, i, t->column[i].header, COLOUR_BOLD, width[i]);
	print_rule(t, f, style, width);
	for (size_t i = 0; i < t->count; i++) {
		if (t->cells[i].text)
			print_cell(t, f, style, i % t->columns, t->cells[i].text,
				   t->cells[i].colour, width[i % t->columns]);
		else if (i % t->columns == 0)
			print_rule(t, f, style, width);
	}
	return ferror(f) ? err_errno("writing the table") : 0;
}
