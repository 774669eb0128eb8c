/* Numbers that people write: see number.h. */
#include "lib/number.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"

int number_range(const char *option, const char *text, uint64_t least, uint64_t most,
		 uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (end == text || *end || errno || *text == '-' || *out < least || *out > most)
		return err_set("--%s %s: a number from %llu to %llu is needed", option, text,
			       (unsigned long long)least, (unsigned long long)most);
	return 0;
}

int number_option(const char *text, const char *option, unsigned int max, unsigned int *out)
{
	uint64_t n;

	if (number_range(option, text, 1, max, &n))
		return -1;
	*out = (unsigned int)n;
	return 0;
}

int number_int(const char *option, const char *text, int least, int most, int *out)
{
	uint64_t n;

	if (number_range(option, text, (uint64_t)least, (uint64_t)most, &n))
		return -1;
	*out = (int)n;
	return 0;
}

int number_real(const char *option, const char *text, double least, double most, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	if (end == text || *end || errno || !(*out >= least && *out <= most))
		return err_set("--%s %s: a number from %g to %.10g is needed", option, text,
			       least, most);
	return 0;
}
