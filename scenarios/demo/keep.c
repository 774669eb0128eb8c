/* A copy of the recording, called by its mode: see keep.h. */
#include "scenarios/demo/keep.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/err.h"

#define CHUNK_BYTES 65536

static void path_of(char path[PATH_MAX], const char *folder, enum strata_place place)
{
	snprintf(path, PATH_MAX, "%.4000s/%s.strata", folder, place_name(place));
}

static int copy(FILE *from, FILE *to)
{
	char chunk[CHUNK_BYTES];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), from)))
		if (fwrite(chunk, 1, n, to) != n)
			return -1;
	return ferror(from) ? -1 : 0;
}

int keep_recording(const char *recording, const char *folder, enum strata_place place)
{
	char path[PATH_MAX];
	FILE *from = fopen(recording, "re"), *to;
	int failed;

	path_of(path, folder, place);
	to = from ? fopen(path, "we") : NULL;
	failed = !to || copy(from, to) ? err_errno("copy %s to %s", recording, path) : 0;
	if (to && fclose(to) && !failed)
		failed = err_errno("copy %s to %s", recording, path);
	if (from)
		fclose(from);
	return failed;
}

bool keep_has_others(const char *folder, enum strata_place place)
{
	char path[PATH_MAX];

	for (unsigned int other = 1; other & PLACE_ALL; other <<= 1) {
		path_of(path, folder, (enum strata_place)other);
		if (other != (unsigned int)place && !access(path, R_OK))
			return true;
	}
	return false;
}
