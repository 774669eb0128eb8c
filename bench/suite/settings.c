/* Settings changed and put back: see settings.h. */
#include "bench/suite/settings.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/progress.h"

static const struct {
	const char *path, *wanted;
} wishes[] = {
	{"/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor", "performance"},
	{"/sys/kernel/mm/ksm/run", "0"},
};

static int read_setting(const char *path, char *text, size_t bytes)
{
	FILE *f = fopen(path, "re");
	int result = f && fgets(text, (int)bytes, f) ? 0 : -1;

	if (f)
		fclose(f);
	if (!result)
		text[strcspn(text, "\n")] = '\0';
	return result;
}

static int write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC), result;

	if (fd < 0)
		return -1;
	result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return result;
}

static void change(struct settings *s, const char *path, const char *wanted)
{
	char before[128];

	if (read_setting(path, before, sizeof(before)) || !strcmp(before, wanted))
		return;
	if (write_setting(path, wanted)) {
		progress("%s stays at %s: it cannot be written", path, before);
		return;
	}
	json_array_append_new(s->changed, json_pack("{s:s,s:s,s:s}", "path", path, "before",
						    before, "during", wanted));
}

static void put_back(const struct settings *s)
{
	json_t *v;
	size_t i;

	json_array_foreach (s->changed, i, v)
		write_setting(json_string_value(json_object_get(v, "path")),
			      json_string_value(json_object_get(v, "before")));
}

/* Until the other end of the pipe is closed; a byte before that means that all is done. */
static void guard(const struct settings *s, int life)
{
	char done;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (read(life, &done, 1) != 1)
		put_back(s);
	_exit(0);
}

static void start_guardian(struct settings *s)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return;
	s->guardian = fork();
	if (!s->guardian) {
		setpgid(0, 0);
		close(pipes[1]);
		guard(s, pipes[0]);
	}
	close(pipes[0]);
	s->life = pipes[1];
}

void settings_apply(struct settings *s, const char *root)
{
	char pattern[PATH_MAX];

	*s = (struct settings){.changed = json_array(), .life = -1};
	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s%s", root, wishes[i].path);
		if (glob(pattern, 0, NULL, &found))
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			change(s, found.gl_pathv[k], wishes[i].wanted);
		globfree(&found);
	}
	if (json_array_size(s->changed))
		start_guardian(s);
}

void settings_restore(struct settings *s)
{
	if (!s->changed)
		return;
	put_back(s);
	if (s->guardian > 0) {
		if (write(s->life, "", 1) == 1)
			close(s->life);
		waitpid(s->guardian, NULL, 0);
	}
	s->guardian = 0;
}

void settings_free(struct settings *s)
{
	json_decref(s->changed);
	s->changed = NULL;
}
