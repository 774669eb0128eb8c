/* The file of a document: see bench_file.h. */
#include "tui/bench_file.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"

/* Where documents are written to, unless their writers are told otherwise. What "strata bench"
 * has written in the testbed machine belongs to another document, which names it. */
static const char *const patterns[] = {"out/bench/*.json", "out/run/*/results.json"};
#define IN_TESTBED "/testbed-"

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* The latest of a pattern's files. */
static void find_in(const char *pattern, char *path, size_t bytes, struct timespec *written)
{
	glob_t found;
	struct stat st;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *one = found.gl_pathv[i];

		if (strstr(one, IN_TESTBED) || strlen(one) >= bytes || stat(one, &st) ||
		    !S_ISREG(st.st_mode) || !later(&st.st_mtim, written))
			continue;
		snprintf(path, bytes, "%s", one);
		*written = st.st_mtim;
	}
	globfree(&found);
}

/* Which file there is to look at, and when it was written; false: none. */
static bool find(const struct bench_file *f, char *path, size_t bytes, struct timespec *written)
{
	struct stat st;

	*written = (struct timespec){.tv_sec = 0};
	path[0] = '\0';
	if (!f->named) {
		for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
			find_in(patterns[i], path, bytes, written);
		return path[0];
	}
	snprintf(path, bytes, "%s", f->named);
	if (!stat(path, &st))
		*written = st.st_mtim;
	return true;
}

static void set_age(struct bench *b, time_t now)
{
	if (b && b->written_s)
		b->age_s = now > b->written_s ? (double)(now - b->written_s) : 0;
}

bool bench_file_look(struct bench_file *f, struct bench **bench, char *why, size_t bytes)
{
	struct timespec written;
	char path[sizeof(f->path)];
	time_t now = time(NULL);
	struct bench *fresh;

	if (now == f->looked_s)
		return false;
	f->looked_s = now;
	why[0] = '\0';
	set_age(*bench, now);
	if (!find(f, path, sizeof(path), &written))
		return true;
	/* one at work may have another behind it, which is written meanwhile */
	if (*bench && !(*bench)->running && !strcmp(path, f->path) &&
	    !later(&written, &f->written))
		return true;
	fresh = bench_read(path);
	if (!fresh) {
		snprintf(why, bytes, "%s", err_text());
		return true;
	}
	snprintf(f->path, sizeof(f->path), "%s", path);
	f->written = written;
	bench_free(*bench);
	*bench = fresh;
	set_age(fresh, now);
	return true;
}
