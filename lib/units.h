/*
 * Numbers for people: durations, counts and bytes with three significant digits, and the
 * way back for durations on a command line.
 */
#ifndef STRATA_LIB_UNITS_H
#define STRATA_LIB_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* By value, so that printf("%s", units_ns(t, true).s) needs no buffer. */
struct units_text {
	char s[32];
};

/* "0 ns", "999 ns", "1.23 µs", "12.3 µs", "123 µs", "4.56 ms", "78.9 s"; "us" if not utf8. */
struct units_text units_ns(uint64_t ns, bool utf8);

/* "1,234,567" */
struct units_text units_count(uint64_t n);

/* "615 bytes", "1 byte", "1.50 KiB", "12.0 MiB" */
struct units_text units_bytes(uint64_t n);

/* "250ms", "1.5s", "10 us", "2m", "1h"; a bare number means seconds. -1 with a sentence. */
int units_parse_ns(const char *text, uint64_t *ns);

/* "4096", "64K", "64M", "1G": of 1024. -1 with a sentence. */
int units_parse_bytes(const char *text, uint64_t *bytes);

#endif
