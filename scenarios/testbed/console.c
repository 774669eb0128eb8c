/* Keeping the console's end, and finding in it why a kernel died. */
#include "scenarios/testbed/console.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPLAIN_LINES 20

size_t console_take(struct console *c, int fd, int show)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n <= 0)
		return 0;
	if (show)
		fwrite(chunk, 1, n, stderr);
	if (c->len + n > CONSOLE_KEEP_BYTES) {
		size_t drop = c->len + n - CONSOLE_KEEP_BYTES;

		memmove(c->text, c->text + drop, c->len - drop);
		c->len -= drop;
	}
	memcpy(c->text + c->len, chunk, n);
	c->len += n;
	return n;
}

/* Where it begins to say why the kernel, or QEMU, died; its last lines if it does not. */
static const char *find_cause(const struct console *c)
{
	static const char *const causes[] = {"BUG: ", "Oops: ", "general protection",
					     "Kernel panic", "qemu-system"};
	const char *from = c->text + c->len, *found;
	int lines = 0;

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		found = strstr(c->text, causes[i]);
		if (!found)
			continue;
		while (found > c->text && found[-1] != '\n')
			found--;
		return found;
	}
	while (from > c->text && (from[-1] != '\n' || lines++ < EXPLAIN_LINES))
		from--;
	return from;
}

void console_explain(struct console *c)
{
	const char *from;

	c->text[c->len] = '\0';
	from = find_cause(c);
	for (int lines = 0; *from && lines < EXPLAIN_LINES; lines++) {
		int n = strcspn(from, "\r\n");

		fprintf(stderr, "testbed| %.*s\n", n, from);
		from += n;
		from += strspn(from, "\r\n");
	}
}
