/* Asking guests: see guest.h. */
#include "scenarios/run/guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/proc.h"

#define ASK_MS      70000
#define CURL_S      "60"
#define NOISE_MAX_S 3600 /* it ends by itself, should nobody end it */

/* What the program under cgi-bin/ says; the caller's. NULL with a sentence. */
static char *ask(const struct run *r, const struct machine *m, const char *what)
{
	struct proc_options opt = PROC_DEFAULTS;
	char url[300], *text = NULL;
	const char *const argv[] = {"curl",       "--silent", "--show-error",   "--fail",
				    "--max-time", CURL_S,     "--max-filesize", "65536",
				    url,          NULL};

	snprintf(url, sizeof(url), "http://%s:8080/cgi-bin/%s", m->lab.address, what);
	opt.netns_fd = r->site.client_ns;
	if (!proc_run(argv, &opt, ASK_MS, &text))
		return text;
	err_add("ask the guest of VM %s", m->vm->name);
	return NULL;
}

static int noise(const struct run *r, const char *kind, unsigned int strength)
{
	const struct scenario_noise *n = &r->s->noise;
	const struct machine *m = &r->machine[n->vm];
	char what[160], *answer;
	int result;

	snprintf(what, sizeof(what), "noise?kind=%s&strength=%u&seconds=%d&to=%s", kind,
		 strength, NOISE_MAX_S, r->machine[n->to].lab.address);
	answer = ask(r, m, what);
	if (!answer)
		return -1;
	result = strncmp(answer, "ok", 2) ? err_set("VM %s makes no noise of kind %s: %.300s",
						    m->vm->name, kind, answer)
					  : 0;
	free(answer);
	return result;
}

int guest_noise(const struct run *r, unsigned int strength)
{
	return noise(r, r->s->noise.kind->name, strength);
}

int guest_quiet(const struct run *r)
{
	return noise(r, "none", 0);
}

int guest_time_parse(const char *text, struct guest_time *t)
{
	/* user, nice, system, idle, iowait, irq, softirq, steal */
	uint64_t v[8];

	if (sscanf(text,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
		return err_set("the guest's /proc/stat has no line of its processors");
	*t = (struct guest_time){.stolen = v[7]};
	for (int i = 0; i < 8; i++)
		t->all += v[i];
	return 0;
}

int guest_time(const struct run *r, const struct machine *m, struct guest_time *t)
{
	char *text = ask(r, m, "stat");
	int result = text ? guest_time_parse(text, t) : -1;

	free(text);
	return result;
}
