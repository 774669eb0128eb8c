/* Fuzz the reader of scenarios: a file that anyone may have written. */
#include <stdint.h>
#include <stdlib.h>

#include "lib/err.h"
#include "scenarios/run/scenario.h"

static double some_number(void *ctx, const struct operand *o)
{
	(void)ctx;
	return o->cell * 1000.0 + (double)o->measure;
}

static double some_difference(void *ctx, const struct operand *left,
			      const struct operand *right)
{
	return left->number * some_number(ctx, left) - right->number * some_number(ctx, right);
}

static const char *some_word(void *ctx, const struct operand *o)
{
	(void)ctx;
	return o->cell ? "noisy" : "";
}

static void check(const struct scenario *s)
{
	const struct expect_source source = {some_number, some_difference, some_word, NULL};
	char said[100];

	if (!s->vms || s->vms > SCENARIO_VMS_MAX || !s->cells || s->load.vm >= s->vms ||
	    s->noise.vm >= s->vms || !s->expects)
		abort();
	for (unsigned int i = 0; i < s->remedies; i++)
		if (s->remedy[i].vm >= s->vms)
			abort();
	for (unsigned int i = 0; i < s->expects; i++)
		expect_judge(&s->expect[i], &source, said, sizeof(said));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario s;

	if (!scenario_parse(&s, "it", (const char *)data, size))
		check(&s);
	else if (!*err_text())
		abort();
	return 0;
}
