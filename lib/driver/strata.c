/*
 * The driver: "strata CMD ..." runs the program strata-CMD, as git does.
 *
 * The programs are in build/bin/ beside this one, or in ../libexec/strata/ where strata is
 * installed. This program links nothing of ours, so that it works whatever else is broken.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/version.h"

#define NAME_MAX_BYTES 32

struct command {
	const char *name;
	const char *purpose;
};

/* In the order in which one meets them. */
static const struct command commands[] = {
	{"doctor", "look at what this machine can do, and what to do about the rest"},
	{"demo", "the main job: one request through a VM, and where its time went"},
	{"compare", "the same server in several modes, layer by layer"},
	{"trace", "follow requests through all layers, and say where their time went"},
	{"explain", "which layer and which cause made the slow requests of a recording slow"},
	{"export", "hand a recording to Wireshark, Perfetto, OpenTelemetry and others"},
	{"tui", "walk one request through the machine, hop by hop; live or recorded"},
	{"report", "turn recordings and results into documents"},
	{"run", "an experiment with several VMs from a file: noisy neighbours, remedies"},
	{"bench", "compare what the ways into a VM cost"},
	{"peers", "run the same machine under strata and under other monitors, and compare"},
	{"cost", "measure what tracing costs, beside other tools"},
	{"load", "send HTTP requests, and time each as its client sees it"},
	{"vm", "run a virtual machine; ask a running one; set what it may use"},
	{"net", "make and remove the way from a virtual machine to the wire"},
	{"testbed", "run a command in an emulated machine that has everything"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Relative to the folder that the driver is in. */
static const char *const places[] = {"build/bin", "../libexec/strata"};

/* The folder of this program itself. */
static int own_folder(char *dir, size_t bytes)
{
	ssize_t n = readlink("/proc/self/exe", dir, bytes - 1);
	char *slash;

	if (n < 0) {
		fprintf(stderr, "strata: /proc/self/exe: %s: is /proc mounted?\n",
			strerror(errno));
		return -1;
	}
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return 0;
}

/* The path of the command's program; false if there is no such. */
static bool find_program(const char *dir, const char *name, char *path, size_t bytes)
{
	if (!*name || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(path, bytes, "%s/%s/strata-%s", dir, places[i], name);

		if (n > 0 && (size_t)n < bytes && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void list_commands(FILE *out, const char *dir)
{
	char path[PATH_MAX];
	bool any = false;

	fputs("usage: strata COMMAND [ARGUMENTS]\n"
	      "       strata help COMMAND\n"
	      "       strata --version\n"
	      "\n"
	      "Shows where one request's time goes in a virtual machine.\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!find_program(dir, commands[i].name, path, sizeof(path)))
			continue;
		fprintf(out, "%s  %-9s %s\n", any ? "" : "\n", commands[i].name,
			commands[i].purpose);
		any = true;
	}
	if (!any)
		fprintf(out, "\nNothing is built yet (no %s/%s/strata-*): run \"make\".\n", dir,
			places[0]);
}

/* How many letters must be inserted, removed or changed (Levenshtein 1966). */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[NAME_MAX_BYTES + 1];
	size_t columns = strlen(b);

	if (strlen(a) > NAME_MAX_BYTES || columns > NAME_MAX_BYTES)
		return UINT_MAX;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[columns];
}

/* The known and present command that is most like this; NULL if none is like it. */
static const char *nearest(const char *dir, const char *name)
{
	unsigned int best = strlen(name) < 4 ? 2 : 3; /* further off is no likeness */
	const char *found = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; i < COMMANDS; i++) {
		unsigned int d = distance(name, commands[i].name);

		if (d < best && find_program(dir, commands[i].name, path, sizeof(path))) {
			best = d;
			found = commands[i].name;
		}
	}
	return found;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return true;
	return false;
}

static int unknown_command(const char *dir, const char *name)
{
	const char *like = nearest(dir, name);

	if (known(name))
		fprintf(stderr, "strata: \"%s\" is not built: run \"make\"\n", name);
	else if (like)
		fprintf(stderr, "strata: there is no command \"%s\": did you mean \"%s\"?\n",
			name, like);
	else
		fprintf(stderr,
			"strata: there is no command \"%s\": \"strata --help\" lists "
			"them\n",
			name);
	return EXIT_USAGE;
}

/* Returns only if the command cannot be run. */
static int run(const char *dir, char **argv)
{
	char path[PATH_MAX], *name = argv[0];

	if (!find_program(dir, name, path, sizeof(path)))
		return unknown_command(dir, name);
	argv[0] = path;
	execv(path, argv);
	fprintf(stderr, "strata: %s: %s\n", path, strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	char dir[PATH_MAX];
	const char *first = argc > 1 ? argv[1] : "--help";

	if (own_folder(dir, sizeof(dir)) < 0)
		return EXIT_FAILED;
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 ||
	    (strcmp(first, "help") == 0 && argc == 2)) {
		list_commands(stdout, dir);
		return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
	}
	if (strcmp(first, "--version") == 0) {
		puts("strata " STRATA_VERSION);
		return EXIT_OK;
	}
	if (strcmp(first, "help") == 0) {
		char *words[] = {argv[2], "--help", NULL};

		return run(dir, words);
	}
	if (first[0] == '-') {
		fprintf(stderr, "strata: unknown option \"%s\": \"strata --help\" says more\n",
			first);
		return EXIT_USAGE;
	}
	return run(dir, argv + 1);
}
