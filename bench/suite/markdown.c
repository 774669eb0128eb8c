/* A document for people: see markdown.h. */
#include "bench/suite/markdown.h"

#include <math.h>
#include <string.h>

#include "bench/suite/beside.h"
#include "lib/err.h"

/* "1.23 µs" for what is in ns, else "1234 IOPS": four digits, and no exponent. */
void markdown_value(FILE *out, double v, const char *unit)
{
	static const struct {
		double from;
		const char *name;
	} scales[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {0, "ns"}};
	size_t i = 0;

	if (!isfinite(v)) {
		fputs("–", out);
		return;
	}
	if (strcmp(unit, "ns") != 0) {
		fprintf(out, fabs(v) >= 10000 ? "%.0f" : "%.4g", v);
		fprintf(out, " %s", unit);
		return;
	}
	while (fabs(v) < scales[i].from)
		i++;
	fprintf(out, "%.3g %s", scales[i].from > 0 ? v / scales[i].from : v, scales[i].name);
}

/* Text from a document may come from anywhere: no control characters, no table's borders. */
void markdown_text(FILE *out, const char *text)
{
	for (const char *p = text ? text : ""; *p; p++)
		fputc((unsigned char)*p < ' ' || *p == '|' ? ' ' : *p, out);
}

static void print_json(FILE *out, const json_t *v)
{
	if (json_is_string(v))
		markdown_text(out, json_string_value(v));
	else if (json_is_number(v))
		fprintf(out, "%.12g", json_number_value(v));
	else
		fputs(json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "unknown", out);
}

/* ---- one document ---- */

static void print_environment(json_t *e, const char *title, FILE *out)
{
	const char *key, *inner;
	json_t *v, *w;

	if (!json_is_object(e))
		return;
	fprintf(out, "\n## %s\n\n| | |\n| --- | --- |\n", title);
	json_object_foreach (e, key, v) {
		if (!json_is_object(v)) {
			fputs("| ", out);
			markdown_text(out, key);
			fputs(" | ", out);
			print_json(out, v);
			fputs(" |\n", out);
			continue;
		}
		json_object_foreach (v, inner, w) {
			fputs("| ", out);
			markdown_text(out, key);
			fputs(", ", out);
			markdown_text(out, inner);
			fputs(" | ", out);
			print_json(out, w);
			fputs(" |\n", out);
		}
	}
}

static void print_mode(FILE *out, const struct result *x)
{
	if (x->monitor) {
		markdown_text(out, x->monitor);
		fputs(" ", out);
	}
	markdown_text(out, x->subject);
	if (x->where && !strcmp(x->where, "testbed"))
		fputs(" (testbed)", out);
}

static void print_percent(FILE *out, double v)
{
	if (isfinite(v))
		fprintf(out, "%.1f %%", 100 * v);
	else
		fputs("–", out);
}

static void print_row(FILE *out, const struct result *x, struct random *r)
{
	struct interval ci = statistics_median_interval(x->value, x->n, r);
	struct noise noise = judge_noise(x, r);

	fputs("| ", out);
	markdown_text(out, x->name);
	fputs(" | ", out);
	print_mode(out, x);
	fputs(" | ", out);
	markdown_value(out, statistics_median(x->value, x->n), x->unit);
	fputs(" | ", out);
	markdown_value(out, ci.low, x->unit);
	fputs(" – ", out);
	markdown_value(out, ci.high, x->unit);
	fprintf(out, " | %zu | ", x->n);
	print_percent(out, noise.twins);
	fputs(" | ", out);
	print_percent(out, noise.drift);
	fputs(" |\n", out);
}

static void print_outliers(const struct results *all, json_t *document, FILE *out)
{
	json_t *list = json_object_get(document, "results"), *v;
	bool any = false;
	size_t i, k;

	json_array_foreach (list, i, v) {
		const struct result *x = &all->of[i];
		json_t *o;

		json_array_foreach (json_object_get(v, "outliers"), k, o) {
			json_int_t at = json_integer_value(o);

			if (at < 0 || (size_t)at >= x->n)
				continue;
			if (!any)
				fputs("\n## Far out\n\nSamples more than three interquartile "
				      "ranges away from the quartiles. They are in the "
				      "figures above.\n\n",
				      out);
			any = true;
			fputs("- ", out);
			markdown_text(out, x->name);
			fputs(", ", out);
			print_mode(out, x);
			fprintf(out, ": sample %d: ", (int)at + 1);
			markdown_value(out, x->value[at], x->unit);
			fputs("\n", out);
		}
	}
}

static void print_missing(const struct results *all, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < all->count; i++) {
		const struct result *x = &all->of[i];
		const char *why = x->skipped ? x->skipped : x->failed;

		if (!why)
			continue;
		if (!any)
			fputs("\n## Not measured\n\n", out);
		any = true;
		fputs("- ", out);
		markdown_text(out, x->name);
		fputs(", ", out);
		print_mode(out, x);
		fputs(x->skipped ? ": " : ", some samples: ", out);
		markdown_text(out, why);
		fputs("\n", out);
	}
}

/* How many twins a test tells apart that should tell none. */
static void print_twins(const struct results *all, uint64_t seed, FILE *out)
{
	double p[1000];
	size_t n = 0, apart = 0;
	struct random r;

	random_seed(&r, seed);
	for (size_t i = 0; i < all->count && n < 1000; i++)
		if (all->of[i].n >= 4)
			p[n++] = judge_noise(&all->of[i], &r).p;
	statistics_holm(p, n);
	for (size_t i = 0; i < n; i++)
		apart += p[i] < JUDGE_P_MAX;
	fprintf(out, "Twins (the session's A/A run): of %zu results, %zu are told apart.\n", n,
		apart);
}

static size_t most_samples(const struct results *all)
{
	size_t most = 0;

	for (size_t i = 0; i < all->count; i++)
		most = all->of[i].n > most ? all->of[i].n : most;
	return most;
}

int markdown_report(json_t *document, FILE *out)
{
	uint64_t seed = (uint64_t)json_integer_value(json_object_get(document, "seed"));
	struct results all;
	struct random r;

	if (results_read(&all, document, "the document"))
		return -1;
	fprintf(out,
		"# strata bench\n\nSeed %llu, up to %zu samples each, in random order%s%s. "
		"Medians with 95 %% bootstrap intervals;\ntwins and drift: how far apart, "
		"without any reason, the medians of twins and of the session's two halves "
		"are.\n",
		(unsigned long long)seed, most_samples(&all),
		json_is_true(json_object_get(document, "quick")) ? ", quick" : "",
		json_is_true(json_object_get(document, "interrupted")) ? ", interrupted" : "");
	print_twins(&all, seed, out);
	fputs("\n| benchmark | mode | median | 95 % | n | twins | drift |\n"
	      "| --- | --- | --: | --: | --: | --: | --: |\n",
	      out);
	random_seed(&r, seed);
	for (size_t i = 0; i < all.count; i++)
		if (all.of[i].n)
			print_row(out, &all.of[i], &r);
	if (beside_print(&all, seed, out))
		err_print("strata-bench");
	print_outliers(&all, document, out);
	print_missing(&all, out);
	print_environment(json_object_get(document, "environment"), "Environment", out);
	print_environment(json_object_get(document, "testbed"), "The testbed's environment",
			  out);
	results_free(&all);
	return ferror(out) ? err_errno("write the report") : 0;
}

/* ---- two ---- */

static void print_differences(json_t *a, json_t *b, FILE *out)
{
	json_t *ea = json_object_get(a, "environment"), *eb = json_object_get(b, "environment");
	const char *key;
	json_t *v;

	json_object_foreach (ea, key, v) {
		const json_t *w = json_object_get(eb, key);

		if (!strcmp(key, "time") || !strcmp(key, "load_average") || json_equal(v, w) ||
		    json_is_object(v))
			continue;
		fputs("- environment: ", out);
		markdown_text(out, key);
		fputs(" was ", out);
		print_json(out, v);
		fputs(", is ", out);
		print_json(out, w);
		fputs("\n", out);
	}
}

static void print_comparison(const struct comparison *c, FILE *out)
{
	const struct result *x = c->a ? c->a : c->b;

	fputs("| ", out);
	markdown_text(out, x->name);
	fputs(" | ", out);
	print_mode(out, x);
	fputs(" | ", out);
	markdown_value(out, c->median_a, x->unit);
	fputs(" | ", out);
	markdown_value(out, c->median_b, x->unit);
	if (isfinite(c->ratio))
		fprintf(out, " | %.3f (%.3f–%.3f) | %.1f %% | %.4f | %s |\n", c->ratio,
			c->interval.low, c->interval.high, 100 * c->floor, c->p_holm,
			verdict_text(c->verdict));
	else
		fprintf(out, " | – | – | – | %s |\n", verdict_text(c->verdict));
}

int markdown_comparison(json_t *a, json_t *b, const struct comparison *c, size_t count,
			FILE *out)
{
	unsigned int n[VERDICT_MISSING + 1] = {0};

	fputs("| benchmark | mode | A | B | B / A (95 %) | floor | p | B is |\n"
	      "| --- | --- | --: | --: | --: | --: | --: | --- |\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		n[c[i].verdict]++;
		print_comparison(&c[i], out);
	}
	fprintf(out,
		"\n%u worse, %u better, %u the same, %u with too few samples to tell, %u not in "
		"both.\np is that of a rank permutation test, corrected by Holm; a difference "
		"counts from p < %.2f and beyond the floor\n(1 %%, what twins and halves of "
		"either session differ by, the benchmark's absolute floor).\n",
		n[VERDICT_WORSE], n[VERDICT_BETTER], n[VERDICT_SAME], n[VERDICT_TOO_FEW],
		n[VERDICT_MISSING], JUDGE_P_MAX);
	print_differences(a, b, out);
	return ferror(out) ? err_errno("write the comparison") : 0;
}
