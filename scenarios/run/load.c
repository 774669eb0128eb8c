/* Load: see load.h. */
#include "scenarios/run/load.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/stop.h"
#include "lib/words.h"

#define LOOK_MS 100
#define END_MS  2000

/* "@NAME" or "@NAME:PORT" of a path is that VM's address: a request that goes on to another.
 * The VM's index, or -1. */
static int named_at(const struct scenario *s, const char *p)
{
	for (unsigned int i = 0; *p == '@' && i < s->vms; i++) {
		size_t length = strlen(s->vm[i].name);

		if (!strncmp(p + 1, s->vm[i].name, length) &&
		    (!p[1 + length] || strchr("/:", p[1 + length])))
			return (int)i;
	}
	return -1;
}

bool load_needs(const struct scenario *s, unsigned int vm)
{
	for (const char *p = s->load.path; *p; p++)
		if (named_at(s, p) == (int)vm)
			return true;
	return vm == s->load.vm;
}

unsigned int load_ports(const struct scenario *s, uint16_t ports[LOAD_PORTS_MAX])
{
	unsigned int count = 0;

	for (const char *p = s->load.path; *p && count < LOAD_PORTS_MAX; p++) {
		int vm = named_at(s, p), other = 0;
		const char *colon = vm < 0 ? NULL : p + 1 + strlen(s->vm[vm].name);
		unsigned int port = 0;

		if (!colon || sscanf(colon, ":%5u", &port) != 1 || !port || port > UINT16_MAX ||
		    port == LAB_PORT)
			continue;
		for (unsigned int i = 0; i < count; i++)
			other |= ports[i] == port;
		if (!other)
			ports[count++] = (uint16_t)port;
	}
	return count;
}

static void path_for(const struct run *r, char *path, size_t bytes)
{
	size_t n = 0;

	for (const char *p = r->s->load.path; *p && n < bytes - 1; p++) {
		int vm = named_at(r->s, p);

		if (vm < 0) {
			path[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(path + n, bytes - n, "%s", r->machine[vm].lab.address);
		n = n < bytes - 1 ? n : bytes - 1;
		p += strlen(r->s->vm[vm].name);
	}
	path[n] = '\0';
}

static int command(const struct run *r, struct words *w, unsigned int requests, double rate)
{
	char load[PATH_MAX], path[256];

	if (path_program(load, sizeof(load), "strata-load"))
		return -1;
	path_for(r, path, sizeof(path));
	words_add(w, "%s", load);
	words_split(w, "--json --timeout 60 --wait 10");
	words_add(w, "--connections");
	words_add(w, "%u", r->s->load.connections);
	words_add(w, "--requests");
	words_add(w, "%u", requests);
	if (rate > 0) {
		words_add(w, "--rate");
		words_add(w, "%.3f", rate);
	}
	words_add(w, "http://%s%s", r->machine[r->s->load.vm].lab.address, path);
	return words_argv(w) ? 0 : -1;
}

static int watch(struct run *r, pid_t pid)
{
	int status;

	for (;;) {
		int running = proc_wait(pid, LOOK_MS, &status);

		if (running < 0)
			return -1;
		if (!running)
			return WIFEXITED(status) && !WEXITSTATUS(status)
				       ? machines_check(r)
				       : err_set("the client's load %s; what it said is in "
						 "%s/load.log",
						 proc_status_text(status), r->site.folder);
		if (stop_check() || machines_check(r)) {
			char why[512];

			snprintf(why, sizeof(why), "%s", err_text());
			proc_end(pid, SIGTERM, END_MS);
			return err_set("%s", why);
		}
	}
}

json_t *load_run(struct run *r, unsigned int requests, double rate)
{
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	char log[300], out[320];
	json_t *document = NULL;
	json_error_t why;
	pid_t pid = -1;

	snprintf(log, sizeof(log), "%s/load.log", r->site.folder);
	snprintf(out, sizeof(out), "%s/load.json", r->site.run);
	opt.netns_fd = r->site.client_ns;
	opt.output_path = log;
	opt.own_group = true;
	opt.stdout_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (opt.stdout_fd < 0)
		err_errno("%s", out);
	else if (!command(r, &w, requests, rate))
		pid = proc_start(words_argv(&w), &opt);
	if (pid > 0 && !watch(r, pid)) {
		document = json_load_file(out, 0, &why);
		if (!document)
			err_set("the client's load: its answer is no JSON: %s", why.text);
	}
	if (opt.stdout_fd >= 0)
		close(opt.stdout_fd);
	words_free(&w);
	return document;
}
