/*
 * The other end of the serial port: our terminal, a file, or nothing; and a memory of
 * the last few thousand bytes, from which a panic is recognised and quoted.
 *
 * Threading: console_put() and console_take() on any thread, input arrives on the I/O thread.
 */
#ifndef STRATA_VMM_CONSOLE_H
#define STRATA_VMM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_TAIL_BYTES 8192

struct console;
struct machine;

enum console_mode { CONSOLE_NONE, CONSOLE_STDIO, CONSOLE_FILE };

/* Takes input bytes; must have room for so many as console_open()'s chunk says. */
typedef void (*console_input_fn)(void *owner, const uint8_t *bytes, size_t count);

#define CONSOLE_CHUNK 64

struct console *console_open(struct machine *m, enum console_mode mode, const char *path,
			     console_input_fn input, void *owner);
void console_close(struct console *c);

void console_put(struct console *c, uint8_t byte);

/* Bytes that could not be written: the disk is full, the pipe closed. */
uint64_t console_lost(const struct console *c);

/* Whether there is room for another chunk: input waits in the terminal while there is none. */
void console_accept(struct console *c, bool room);

/*
 * What was said last, as text fit for a terminal: up to so many lines, beginning with the last
 * one that contains from if there is one (NULL: do not look). Returns buf.
 */
char *console_quote(struct console *c, char *buf, size_t size, const char *from,
		    unsigned int lines);

/* Does what is remembered contain this text? */
bool console_said(struct console *c, const char *text);

#endif
