/* The options of a command line: see options.h. */
#include "lib/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/number.h"

#define FIRST 256 /* of the rows, for getopt: no letter */

static bool has_value(enum option_kind kind)
{
	return kind != OPTION_SET && kind != OPTION_CLEAR && kind != OPTION_DO &&
	       kind != OPTION_HELP;
}

/* The table as getopt wants it. */
static void describe(const struct option_table *t, struct option *longs, char *letters)
{
	letters += sprintf(letters, t->command ? "+:" : ":");
	for (size_t i = 0; i < t->count; i++) {
		const struct option_row *r = &t->rows[i];
		bool value = has_value(r->kind);

		longs[i] = (struct option){r->name, value ? required_argument : no_argument,
					   NULL, FIRST + (int)i};
		if (r->letter)
			letters += sprintf(letters, "%c%s", r->letter, value ? ":" : "");
	}
	longs[t->count] = (struct option){0};
}

static int find(const struct option_table *t, int option)
{
	if (option >= FIRST)
		return option - FIRST;
	for (size_t i = 0; i < t->count; i++)
		if (t->rows[i].letter == option)
			return (int)i;
	return -1;
}

/* word: the option as it was given, unless that was a letter, maybe among others. */
static int refuse(int why, const char *word)
{
	char letter[] = {'-', (char)optopt, '\0'};

	if (optopt > 0 && optopt < FIRST)
		word = letter;
	if (why == ':')
		return err_set("%s needs a value", word);
	return err_set(optopt >= FIRST ? "%s: this option takes no value"
				       : "unknown option \"%s\"",
		       word);
}

static int take_number(const struct option_row *r, void *field, const char *text)
{
	uint64_t n;

	if (number_range(r->name, text, r->least, r->most, &n))
		return -1;
	if (r->kind == OPTION_INT)
		*(int *)field = (int)n;
	else if (r->kind == OPTION_UNSIGNED)
		*(unsigned int *)field = (unsigned int)n;
	else
		*(uint64_t *)field = n;
	return 0;
}

static int take(const struct option_table *t, const struct option_row *r, void *into)
{
	void *field = (char *)into + r->at;

	switch (r->kind) {
	case OPTION_SET:
	case OPTION_CLEAR:
		*(bool *)field = r->kind == OPTION_SET;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = optarg;
		return 0;
	case OPTION_INT:
	case OPTION_UNSIGNED:
	case OPTION_NUMBER:
		return take_number(r, field, optarg);
	case OPTION_REAL:
		return number_real(r->name, optarg, r->low, r->high, field);
	case OPTION_TAKE:
	case OPTION_DO:
		return r->take(field, r->name, optarg);
	case OPTION_HELP:
		break;
	}
	fputs(t->help, stdout);
	return 1;
}

int options_read(const struct option_table *t, void *into, int argc, char **argv,
		 uint64_t *given)
{
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
	int option, row, result = 0;

	describe(t, longs, letters);
	opterr = 0;
	optind = 0; /* from the beginning, whoever read before */
	while (!result && (option = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		row = option == '?' || option == ':' ? -1 : find(t, option);
		if (row < 0)
			return refuse(option, argv[optind - 1]);
		if (given)
			*given |= UINT64_C(1) << row;
		result = take(t, &t->rows[row], into);
	}
	return result;
}

int options_exit(int result, const char *name)
{
	if (result > 0)
		return EXIT_OK;
	err_usage(name);
	return EXIT_USAGE;
}
