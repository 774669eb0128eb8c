/*
 * Texts that were looked at once and found good. STRATA_ACCEPT=1 before a test's name accepts
 * what it prints now: look at the difference. Included after cmocka.h.
 */
#ifndef STRATA_TESTS_GOLDEN_H
#define STRATA_TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_MAX (1 << 18)

/* name: under tests/golden/. */
static void golden_compare(const char *name, const char *got)
{
	char file[160], *want = calloc(1, GOLDEN_MAX);
	FILE *f;

	snprintf(file, sizeof(file), "tests/golden/%s", name);
	if (getenv("STRATA_ACCEPT")) {
		f = fopen(file, "w");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
	}
	f = fopen(file, "r");
	if (f) {
		assert_true(fread(want, 1, GOLDEN_MAX - 1, f) > 0);
		fclose(f);
	}
	if (strcmp(got, want))
		print_message("# %s differs\n", file);
	assert_string_equal(got, want);
	free(want);
}

#endif
