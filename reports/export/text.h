/*
 * Numbers and texts as the formats want them: exact, and escaped. What a client sent (method,
 * path) is hostile.
 */
#ifndef STRATA_REPORTS_EXPORT_TEXT_H
#define STRATA_REPORTS_EXPORT_TEXT_H

#include <stdint.h>
#include <stdio.h>

struct text_number {
	char s[40];
};

/* A number of thousandths of ... as a decimal fraction, not rounded: 1234567 with 3 digits is
 * "1234.567", with 9 "0.001234567". digits: 1 to 9. */
struct text_number text_fraction(uint64_t n, unsigned int digits);

/* Nanoseconds since 1970 as "2026-11-20T10:11:12.123456789Z" (RFC 3339). */
struct text_number text_time(uint64_t ns);

/* A field of a CSV record, quoted if it must be (RFC 4180), and never one that a spreadsheet
 * takes for a formula. */
void text_csv(FILE *f, const char *text);

/* A JSON string with its quotes. */
void text_json(FILE *f, const char *text);

#endif
