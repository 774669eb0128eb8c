/* The terminal: see paint.h. */
#include "tui/paint.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define NCURSES_WIDECHAR 1
#include <ncurses.h>

#include "lib/err.h"
#include "tui/keys.h"

#define EMPTY_READS_MAX 8

static SCREEN *screen;
static bool utf8, colour;
static int empty_reads;
static const struct scheme *shown_scheme;

int paint_open(const struct paint_options *options)
{
	setlocale(LC_ALL, "");
	utf8 = !options->ascii && !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return err_set(
			"the terminal \"%s\" is not known: set TERM to what it is, or use "
			"--plain",
			getenv("TERM") ? getenv("TERM") : "");
	raw(); /* Ctrl-c is a key, which the table of keys binds */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	colour = options->colour && has_colors();
	if (colour) {
		start_color();
		use_default_colors();
	}
	return 0;
}

void paint_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void paint_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

bool paint_utf8(void)
{
	return utf8;
}

/* ---- out ---- */

/* Pair N + 1 is the scheme's style N. */
static void use_scheme(const struct scheme *s)
{
	if (shown_scheme == s)
		return;
	shown_scheme = s;
	for (int i = 0; i < STYLES && colour && s->colours; i++)
		init_pair((short)(i + 1),
			  s->style[i].colour < COLORS ? s->style[i].colour : COLOUR_DEFAULT,
			  -1);
}

static attr_t attributes(const struct cell *cell, const struct scheme *s)
{
	unsigned char a = s->style[cell->style].attributes;
	attr_t out = 0;

	out |= a & ATTRIBUTE_BOLD ? A_BOLD : 0;
	out |= a & ATTRIBUTE_DIM ? A_DIM : 0;
	out |= a & ATTRIBUTE_UNDERLINE ? A_UNDERLINE : 0;
	return cell->selected ? out | A_REVERSE : out;
}

void paint_show(const struct cells *c, const struct scheme *scheme, bool again)
{
	use_scheme(scheme);
	if (again)
		clearok(stdscr, TRUE);
	for (int row = 0; row < c->rows; row++)
		for (int column = 0; column < c->columns; column++) {
			const struct cell *cell = cells_get(c, row, column);
			wchar_t text[2] = {(wchar_t)cell->ch, 0};
			cchar_t out;

			setcchar(&out, text, attributes(cell, scheme),
				 colour && scheme->colours ? (short)(cell->style + 1) : 0,
				 NULL);
			mvadd_wch(row, column, &out);
		}
	curs_set(c->cursor_row >= 0);
	if (c->cursor_row >= 0)
		move(c->cursor_row, c->cursor_column);
	refresh();
}

/* ---- in ---- */

static uint32_t key_code(wint_t code)
{
	static const struct {
		wint_t code;
		uint32_t key;
	} table[] = {
		{KEY_UP, KEY_CODE_UP},         {KEY_DOWN, KEY_CODE_DOWN},
		{KEY_LEFT, KEY_CODE_LEFT},     {KEY_RIGHT, KEY_CODE_RIGHT},
		{KEY_PPAGE, KEY_CODE_PAGE_UP}, {KEY_NPAGE, KEY_CODE_PAGE_DOWN},
		{KEY_HOME, KEY_CODE_HOME},     {KEY_END, KEY_CODE_END},
		{KEY_DC, KEY_CODE_DELETE},     {KEY_BACKSPACE, KEY_CODE_BACKSPACE},
		{KEY_ENTER, KEY_ENTER_CODE},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].key;
	return code >= KEY_F(1) && code <= KEY_F(12) ? (uint32_t)(KEY_CODE_F1 + code - KEY_F(1))
						     : 0;
}

static void mouse(struct paint_event *e)
{
	MEVENT m;

	if (getmouse(&m) != OK)
		return;
	e->kind = PAINT_MOUSE;
	e->row = m.y;
	e->column = m.x;
	e->wheel = m.bstate & BUTTON4_PRESSED ? -1 : m.bstate & BUTTON5_PRESSED ? 1 : 0;
}

/* Nothing could be read. If that is because there will never be anything, say so: the end of a
 * terminal is readable for ever, with nothing in it. */
static void nothing(struct paint_event *e)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&p, 1, 0) <= 0) {
		empty_reads = 0;
		return;
	}
	if (p.revents & (POLLHUP | POLLERR | POLLNVAL) || ++empty_reads > EMPTY_READS_MAX)
		e->kind = PAINT_GONE;
}

void paint_event(struct paint_event *e)
{
	wint_t code;
	int kind = get_wch(&code);

	memset(e, 0, sizeof(*e));
	if (kind == ERR) {
		nothing(e);
		return;
	}
	empty_reads = 0;
	if (kind == KEY_CODE_YES && code == KEY_RESIZE) {
		e->kind = PAINT_RESIZE;
	} else if (kind == KEY_CODE_YES && code == KEY_MOUSE) {
		mouse(e);
	} else {
		e->kind = PAINT_KEY;
		e->key = kind == KEY_CODE_YES       ? key_code(code)
			 : code == 127 || code == 8 ? KEY_CODE_BACKSPACE
						    : (uint32_t)code;
	}
}
