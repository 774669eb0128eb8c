/* The interface without a screen: all of a view at once; or keys as lines, if somebody types;
 * or the requests of a live trace as they come. */
#include <locale.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "tui/plain.h"
#include "tui/session.h"

#define WAIT_MS 500

static bool use_utf8(const struct tui_session *s)
{
	setlocale(LC_ALL, "");
	return !s->options->ascii && !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* What came since the request of that number; the list is a ring of the latest. */
static void print_new(struct tui_session *s, uint64_t *printed, bool utf8)
{
	const struct model *m = s->ui.model;

	if (!m)
		return;
	if (m->seen > *printed + m->request_count) {
		plain_text(stdout, utf8, "%llu requests are not shown",
			   (unsigned long long)(m->seen - m->request_count - *printed));
		*printed = m->seen - m->request_count;
	}
	for (; *printed < m->seen; ++*printed)
		plain_request(m, &m->requests[*printed % m->request_capacity], stdout, utf8);
}

static int live(struct tui_session *s, bool utf8)
{
	struct pollfd p = {.fd = feed_fd(s->feeds[0]), .events = POLLIN};
	uint64_t printed = 0;
	bool failed = false;

	while (!tui_ended && !failed) {
		failed = tui_session_lock(s);
		print_new(s, &printed, utf8);
		failed |= fflush(stdout) || ferror(stdout);
		tui_session_unlock(s);
		if (s->ui.source.error[0])
			return err_set("%s", s->ui.source.error);
		if (s->options->live && trace_child_ended(&s->child, s->ui.source.error,
							  sizeof(s->ui.source.error)))
			break;
		poll(&p, 1, WAIT_MS);
	}
	if (s->ui.source.error[0])
		return err_set("%s", s->ui.source.error);
	failed |= tui_session_lock(s);
	print_new(s, &printed, utf8);
	if (s->ui.model)
		plain_status(&s->ui, stdout, utf8);
	tui_session_unlock(s);
	return failed ? -1 : 0;
}

/* A line's characters are keys; an empty line is Enter. */
static int by_lines(struct tui_session *s, bool utf8)
{
	char *line = NULL;
	size_t bytes = 0;
	ssize_t n;
	int failed = 0;

	while (!failed && !s->ui.quit && !tui_ended &&
	       (n = getline(&line, &bytes, stdin)) > 0) {
		failed = tui_session_lock(s);
		for (ssize_t i = 0; i < n - 1; i++)
			ui_key(&s->ui, (unsigned char)line[i]);
		if (n == 1 || s->ui.prompt)
			ui_key(&s->ui, KEY_ENTER_CODE);
		if (!failed && !s->ui.quit && s->ui.view == VIEW_COMPARE) {
			tui_session_unlock(s);
			failed = tui_session_wait(s) || tui_session_lock(s);
		}
		if (!failed && !s->ui.quit)
			failed = plain_view(&s->ui, stdout, false, utf8);
		tui_session_unlock(s);
	}
	free(line);
	return failed;
}

static int whole(struct tui_session *s, bool utf8)
{
	static const enum view usual[] = {VIEW_LADDER, VIEW_LAYERS, VIEW_FACTS};
	bool one = s->options->view >= 0 || s->options->help || !s->feeds[0];
	int failed = tui_session_lock(s);

	if (!failed && one)
		failed = plain_view(&s->ui, stdout, true, utf8);
	for (size_t i = 0; !failed && !one && i < 3; i++) {
		s->ui.view = usual[i];
		failed = plain_view(&s->ui, stdout, true, utf8);
	}
	tui_session_unlock(s);
	return failed;
}

int tui_plain(struct tui_session *s)
{
	bool utf8 = use_utf8(s);

	if (s->live)
		return live(s, utf8);
	if (tui_session_wait(s) || whole(s, utf8))
		return -1;
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? by_lines(s, utf8) : 0;
}
