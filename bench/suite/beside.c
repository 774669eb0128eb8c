/* strata beside other monitors: see beside.h. */
#include "bench/suite/beside.h"

#include <math.h>
#include <stdlib.h>

#include "bench/suite/markdown.h"
#include "lib/err.h"
#include "lib/finite.h"

/* How many times better strata is, whichever way is better, and the interval of that. */
struct gain {
	double times;
	struct interval interval;
};

static struct gain gain_of(const struct comparison *c)
{
	struct interval i = c->interval;

	return c->a->higher ? (struct gain){c->ratio, i}
			    : (struct gain){1 / c->ratio, {1 / i.high, 1 / i.low}};
}

static json_t *comparison_json(const struct comparison *c)
{
	struct gain g = gain_of(c);

	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:[o,o],s:o,s:o,s:o,s:s}", "name", c->a->name,
			 "mode", c->a->subject, "monitor", c->b->monitor, "against",
			 c->a->monitor, "gain", json_finite(g.times), "ci95",
			 json_finite(g.interval.low), json_finite(g.interval.high), "floor",
			 json_finite(c->floor), "p", json_finite(c->p), "p_holm",
			 json_finite(c->p_holm), "verdict", verdict_text(c->verdict));
}

int beside_add(json_t *document)
{
	uint64_t seed = (uint64_t)json_integer_value(json_object_get(document, "seed"));
	json_t *list = json_array();
	struct comparison *c = NULL;
	struct results all;
	size_t count = 0;
	int result = results_read(&all, document, "the document");

	if (!result) {
		c = judge_monitors(&all, seed, &count);
		result = c ? 0 : -1;
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, comparison_json(&c[i]));
	json_object_set_new(document, "comparisons", list);
	free(c);
	results_free(&all);
	return result;
}

static void print_row(const struct comparison *c, FILE *out)
{
	struct gain g = gain_of(c);

	fputs("| ", out);
	markdown_text(out, c->a->name);
	fputs(" | ", out);
	markdown_text(out, c->a->subject);
	fputs(" | ", out);
	markdown_value(out, c->median_b, c->a->unit);
	fputs(" | ", out);
	markdown_text(out, c->a->monitor);
	fputs(" | ", out);
	markdown_value(out, c->median_a, c->a->unit);
	if (isfinite(g.times))
		fprintf(out, " | %.2f (%.2f–%.2f) | %.4f", g.times, g.interval.low,
			g.interval.high, c->p_holm);
	else
		fputs(" | – | –", out);
	fprintf(out, " | %s |\n", verdict_text(c->verdict));
}

int beside_print(const struct results *all, uint64_t seed, FILE *out)
{
	size_t count;
	struct comparison *c = judge_monitors(all, seed, &count);

	if (!c)
		return -1;
	if (count)
		fprintf(out,
			"\n## Beside other monitors\n\nThe same kernel, initrd, memory, network "
			"and disk, %s. Gain: how many times better strata is; p is corrected for "
			"each benchmark's comparisons;\na difference counts from p < 0.05 and 3 "
			"%%.\n\n"
			"| benchmark | mode | strata | beside | its | gain (95 %%) | p | strata "
			"is |\n| --- | --- | --: | --- | --: | --: | --: | --- |\n",
			all->paired ? "side by side and measured by turns: a round is a pair"
				    : "booted in turn");
	for (size_t i = 0; i < count; i++)
		print_row(&c[i], out);
	free(c);
	return 0;
}
