/* Numbers that people write, as values of options: decimal, or 0x and hexadecimal. */
#ifndef STRATA_LIB_NUMBER_H
#define STRATA_LIB_NUMBER_H

#include <stdint.h>

/* --option's value, from least to most. -1 with a sentence that names the option. */
int number_range(const char *option, const char *text, uint64_t least, uint64_t most,
		 uint64_t *out);

/* The same from 1 on, for what is counted. */
int number_option(const char *text, const char *option, unsigned int max, unsigned int *out);

/* The same for what is an int, and for what need not be whole. */
int number_int(const char *option, const char *text, int least, int most, int *out);
int number_real(const char *option, const char *text, double least, double most, double *out);

#endif
