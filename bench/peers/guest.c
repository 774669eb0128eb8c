/* One machine while it is measured: see guest.h. */
#include "bench/peers/guest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/peers/answer.h"
#include "bench/peers/cpus.h"
#include "bench/peers/first_entry.h"
#include "lib/err.h"
#include "lib/now.h"
#include "lib/proc.h"

#define READY_S     150
#define STOP_MS     5000
#define CONSOLE_MAX 65536

/* The monitor's own words, for a sentence. */
static int ended(struct guest *g, int status, const char *console)
{
	char log[500] = "";
	FILE *f = fopen(g->log, "re");

	if (f) {
		log[fread(log, 1, sizeof(log) - 1, f)] = '\0';
		fclose(f);
	}
	return err_set("%s %s %s: %s; the end of its console:\n%s", g->monitor->name,
		       g->mode->name, proc_status_text(status), log, console);
}

/* What the console says so far; when each line of interest is first seen, it is timed. */
static void look_at_console(struct guest *g, char *text, size_t bytes)
{
	FILE *f = fopen(g->plan.console, "re");
	size_t n = f ? fread(text, 1, bytes - 1, f) : 0;
	int64_t now = (int64_t)now_ns() - g->start_ns;

	if (f)
		fclose(f);
	text[n] = '\0';
	if (g->init_ns < 0 && strstr(text, "strata-guest: init"))
		g->init_ns = now;
	if (g->ready_ns < 0 && strstr(text, "strata-guest: ready"))
		g->ready_ns = now;
}

static int await(struct guest *g)
{
	static char text[CONSOLE_MAX];
	const struct timespec pause = {.tv_nsec = 2000000};
	const char *last;
	int status = 0;

	while (g->ready_ns < 0) {
		look_at_console(g, text, sizeof(text));
		last = text + (strlen(text) > 500 ? strlen(text) - 500 : 0);
		if (proc_wait(g->pid, 0, &status) != 1) {
			g->pid = 0;
			return ended(g, status, last);
		}
		if (*g->site->stop)
			return err_set("interrupted");
		if ((int64_t)now_ns() - g->start_ns > READY_S * 1000000000LL)
			return err_set(
				"%s %s was not ready within %d s; the end of its console:\n%s",
				g->monitor->name, g->mode->name, READY_S, last);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* A machine without a network card cannot be asked. */
static int await_answer(struct guest *g)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	if (g->mode == &g->monitor->mode[MODE_NONE])
		return 0;
	while (!answer_once(g->site->netns, g->address)) {
		if (*g->site->stop)
			return err_set("interrupted");
		if ((int64_t)now_ns() - g->start_ns > READY_S * 1000000000LL)
			return err_set("%s %s: nginx in the guest listens, but no request was "
				       "answered within %d s",
				       g->monitor->name, g->mode->name, READY_S);
		nanosleep(&pause, NULL);
	}
	g->answered_ns = (int64_t)now_ns() - g->start_ns;
	return 0;
}

static void last_of(const char *path, FILE *out)
{
	char text[1500];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return;
	if (fseek(f, -(long)sizeof(text), SEEK_END))
		rewind(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	fprintf(out, "the end of %s:\n%.*s\n", path, (int)n, text);
}

void guest_last_words(const struct guest *g, FILE *out)
{
	last_of(g->plan.console, out);
	if (!g->monitor->tells_on_stdout)
		last_of(g->log, out);
}

static int launch(struct guest *g, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	const char *const *argv = words_argv(w);

	if (!argv)
		return -1;
	unlink(g->log);
	opt.netns_fd = g->site->netns;
	opt.cpus = cpus_system();
	opt.output_path = g->log;
	opt.death_signal = SIGKILL;
	opt.own_group = true;
	g->start_ns = (int64_t)now_ns();
	g->pid = proc_start(argv, &opt);
	return g->pid < 0 ? -1 : 0;
}

int guest_start(struct guest *g, struct site *s, const struct monitor *m,
		const struct monitor_mode *mode, unsigned int number)
{
	struct words w = {0};
	struct first_entry entry = {0};
	int result;

	*g = (struct guest){.monitor = m,
			    .mode = mode,
			    .site = s,
			    .number = number,
			    .server_ns = -1,
			    .first_entry_ns = -1,
			    .init_ns = -1,
			    .ready_ns = -1,
			    .answered_ns = -1};
	result =
		guest_plan(g) || guest_make_devices(g) || monitor_command(m, mode, &g->plan, &w)
			? -1
			: 0;
	unlink(g->plan.console);
	first_entry_begin(&entry);
	if (!result)
		result = launch(g, &w);
	words_free(&w);
	if (!result)
		result = await(g) || await_answer(g) ? -1 : 0;
	if (!result)
		g->first_entry_ns = first_entry_find(&entry, g->pid, g->start_ns);
	first_entry_end(&entry);
	if (result)
		guest_stop(g);
	return result;
}

void guest_stop(struct guest *g)
{
	char why[1000];

	snprintf(why, sizeof(why), "%s", err_text()); /* it may be why it ends */
	if (g->pid > 0)
		proc_end(g->pid, SIGTERM, STOP_MS);
	if (g->iperf > 0)
		proc_end(g->iperf, SIGTERM, STOP_MS);
	if (g->server_ns >= 0)
		close(g->server_ns);
	guest_remove_devices(g);
	g->pid = g->iperf = 0;
	g->server_ns = -1;
	err_set("%s", why);
}
