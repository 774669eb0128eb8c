/*
 * The options of a command line, as a table: a row for each says what it is called, what it
 * takes and where that goes. Every program of strata reads them the same way: getopt_long(3)'s,
 * with unique abbreviations, "--name=value" and "--name value", "--" before what is none.
 *
 * Threading: as getopt_long(3), from one thread.
 */
#ifndef STRATA_LIB_OPTIONS_H
#define STRATA_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX 63 /* rows of a table */

enum option_kind {
	OPTION_SET,      /* bool: becomes true */
	OPTION_CLEAR,    /* bool: becomes false */
	OPTION_TEXT,     /* const char *: the value, which lives as long as argv */
	OPTION_INT,      /* int, from least to most */
	OPTION_UNSIGNED, /* unsigned int, the same */
	OPTION_NUMBER,   /* uint64_t, the same */
	OPTION_REAL,     /* double, from low to high */
	OPTION_TAKE,     /* take() is called with the field and the value */
	OPTION_DO,       /* take() is called with the field and NULL: it has no value */
	OPTION_HELP,     /* prints the table's help and ends */
};

/* field: at that offset, so where none is given the whole of what is filled; name: the
 * option's. 0 go on, 1 all is done, -1 with a sentence. */
typedef int (*option_take)(void *field, const char *name, char *value);

struct option_row {
	enum option_kind kind;
	const char *name;
	size_t at; /* offset of the field in what is filled */
	uint64_t least, most;
	double low, high;
	option_take take;
	char letter; /* -f for --format; 0: none */
};

/* A row: OPTION(INT, "rounds", offsetof(struct my_options, rounds), 1, 100) */
#define OPTION(kind_, name_, ...)                                      \
	{                                                              \
		.kind = OPTION_##kind_, .name = (name_), ##__VA_ARGS__ \
	}

struct option_table {
	const struct option_row *rows;
	size_t count;
	const char *help;
	bool command; /* the first word that is no option, and all after it, are a command */
};

#define OPTIONS(rows_, help_, ...)                                                             \
	{                                                                                      \
		.rows = (rows_), .count = sizeof(rows_) / sizeof((rows_)[0]), .help = (help_), \
		##__VA_ARGS__                                                                  \
	}

/* Read argv[1] and on into what the rows say. 0: what is no option begins at argv[optind]; 1:
 * the help was printed, or a take() said that all is done; -1 with a sentence. given: if not
 * NULL, the rows that were there, 1 << their number each. */
int options_read(const struct option_table *t, void *into, int argc, char **argv,
		 uint64_t *given);

/* What "strata NAME" exits with where that was not 0: EXIT_OK after 1; EXIT_USAGE after -1,
 * when the sentence has been printed. */
int options_exit(int result, const char *name);

#endif
