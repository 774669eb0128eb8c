/* The serial port's other end: terminal, file, or nothing, and the last bytes remembered. */
#include "vmm/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/cleanup.h"
#include "vmm/machine.h"

#define ESCAPE 1 /* Ctrl-A; then x quits, and Ctrl-A sends itself */

#define LOOK_MS 100 /* how often a stuck writer looks whether it is still wanted */

struct console {
	struct machine *machine;
	int fd; /* output, -1: none */
	bool own_fd;
	console_input_fn input;
	void *owner;
	struct loop_source source;
	bool reads;   /* stdin is a terminal of ours */
	bool escaped; /* I/O thread */
	_Atomic uint64_t lost;

	pthread_mutex_t lock; /* of what follows */
	bool accepting;
	char tail[CONSOLE_TAIL_BYTES];
	uint64_t written;
};

/* Cut Ctrl-A sequences out of the input. Returns how many bytes remain. */
static size_t unescape(struct console *c, uint8_t *bytes, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (c->escaped) {
			c->escaped = false;
			if (bytes[i] == 'x')
				machine_end(c->machine, MACHINE_QUIT,
					    "asked to quit by Ctrl-A x");
			else if (bytes[i] == ESCAPE)
				bytes[kept++] = ESCAPE;
		} else if (bytes[i] == ESCAPE) {
			c->escaped = true;
		} else {
			bytes[kept++] = bytes[i];
		}
	}
	return kept;
}

static void input_ready(struct loop_source *s, uint32_t events)
{
	struct console *c = s->owner;
	uint8_t bytes[CONSOLE_CHUNK];
	ssize_t n = read(s->fd, bytes, sizeof(bytes));

	(void)events;
	if (n > 0)
		c->input(c->owner, bytes, unescape(c, bytes, (size_t)n));
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		loop_remove(c->machine->io, s); /* the terminal is gone */
}

/* Keys reach the guest one by one, unseen by our own terminal driver. */
static int take_terminal(struct console *c)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return 0;
	if (tcgetattr(STDIN_FILENO, &t))
		return err_errno("cannot read the terminal's settings");
	cleanup_terminal(STDIN_FILENO, &t);
	cfmakeraw(&t);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &t))
		return err_errno("cannot change the terminal's settings");
	c->source = (struct loop_source){.fd = STDIN_FILENO, .ready = input_ready, .owner = c};
	if (loop_add(c->machine->io, &c->source, EPOLLIN))
		return -1;
	c->reads = c->accepting = true;
	return 0;
}

static int open_output(struct console *c, enum console_mode mode, const char *path)
{
	switch (mode) {
	case CONSOLE_STDIO:
		c->fd = STDOUT_FILENO;
		return take_terminal(c);
	case CONSOLE_FILE:
		c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		c->own_fd = true;
		return c->fd < 0 ? err_errno("cannot write the console to %s", path) : 0;
	default:
		return 0;
	}
}

struct console *console_open(struct machine *m, enum console_mode mode, const char *path,
			     console_input_fn input, void *owner)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c) {
		err_errno("cannot make the console");
		return NULL;
	}
	c->machine = m;
	c->fd = -1;
	c->input = input;
	c->owner = owner;
	pthread_mutex_init(&c->lock, NULL);
	if (open_output(c, mode, path)) {
		console_close(c);
		return NULL;
	}
	return c;
}

void console_close(struct console *c)
{
	if (!c)
		return;
	if (c->reads)
		loop_remove(c->machine->io, &c->source);
	if (c->own_fd && c->fd >= 0)
		close(c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/*
 * Whoever reads our output may stop doing so. The guest then waits, as on a real line, but not
 * beyond the machine's end.
 */
static bool writable(const struct console *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};

	while (poll(&p, 1, LOOK_MS) <= 0)
		if (atomic_load(&c->machine->end))
			return false;
	return true;
}

void console_put(struct console *c, uint8_t byte)
{
	pthread_mutex_lock(&c->lock);
	c->tail[c->written++ % CONSOLE_TAIL_BYTES] = (char)byte;
	pthread_mutex_unlock(&c->lock);
	if (c->fd < 0 || !writable(c))
		return;
	/* A full disk or a closed pipe costs output, not the guest: it is remembered above. */
	if (write(c->fd, &byte, 1) < 0)
		c->lost++;
}

uint64_t console_lost(const struct console *c)
{
	return c->lost;
}

void console_accept(struct console *c, bool room)
{
	if (!c->reads)
		return;
	pthread_mutex_lock(&c->lock);
	if (c->accepting != room) {
		c->accepting = room;
		loop_modify(c->machine->io, &c->source, room ? EPOLLIN : 0);
	}
	pthread_mutex_unlock(&c->lock);
}

/* What is remembered, oldest first, NUL-terminated; NULs of the guest become spaces. */
static size_t copy_tail(struct console *c, char *buf)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->written < CONSOLE_TAIL_BYTES ? c->written : CONSOLE_TAIL_BYTES;
	for (size_t i = 0; i < n; i++) {
		char byte = c->tail[(c->written - n + i) % CONSOLE_TAIL_BYTES];

		buf[i] = byte ? byte : ' ';
	}
	pthread_mutex_unlock(&c->lock);
	buf[n] = '\0';
	return n;
}

/* The start of the last so many lines. */
static const char *last_lines(const char *text, size_t n, unsigned int lines)
{
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	while (n > 0 && (text[n - 1] != '\n' || --lines > 0))
		n--;
	return text + n;
}

/* The start of the last line that contains this text, or NULL. */
static const char *line_with(const char *text, const char *what)
{
	const char *found = NULL, *next = text;

	while ((next = strstr(next, what)))
		found = next++;
	while (found && found > text && found[-1] != '\n')
		found--;
	return found;
}

char *console_quote(struct console *c, char *buf, size_t size, const char *from,
		    unsigned int lines)
{
	char all[CONSOLE_TAIL_BYTES + 1];
	size_t length = copy_tail(c, all), n = 0;
	const char *p = from ? line_with(all, from) : NULL;

	if (!p)
		p = last_lines(all, length, lines);
	for (; *p && lines && n + 1 < size; p++) {
		/* Control characters of a guest have no business on our terminal. */
		if (*p == '\n' || *p == '\t' || (unsigned char)*p >= ' ')
			buf[n++] = *p;
		lines -= *p == '\n';
	}
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return buf;
}

bool console_said(struct console *c, const char *text)
{
	char all[CONSOLE_TAIL_BYTES + 1];

	copy_tail(c, all);
	return strstr(all, text) != NULL;
}
