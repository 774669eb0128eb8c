/* Relations: see expect.h. */
#include "scenarios/run/expect.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"
#include "scenarios/run/scenario.h"

const struct measure_info measure_table[MEASURES] = {
#define MEASURE(id, ...) [MEASURE_##id] = {__VA_ARGS__},
#include "scenarios/run/measures.def"
#undef MEASURE
};

/* Longer ones first: "<" begins "<=". */
static const struct {
	const char *sign;
	enum relation relation;
} signs[] = {
	{"<=", RELATION_AT_MOST}, {">=", RELATION_AT_LEAST}, {"!=", RELATION_NOT},
	{"<", RELATION_LESS},     {">", RELATION_MORE},      {"=", RELATION_IS},
};

/* ---- parsing ---- */

static const char *skip(const char *p)
{
	return p + strspn(p, " \t");
}

static int no_measure(const char *name, size_t length)
{
	char names[400] = "";
	size_t n = 0;

	for (int i = 0; i < MEASURES; i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
				      measure_table[i].name);
	return err_set("there is no measure \"%.*s\"; there are %s", (int)length, name, names);
}

/* "blame(noise).vm" is blame.vm of noise: the part behind the parenthesis belongs to the name.
 */
static int find_measure(struct operand *o, const char *name, size_t length, const char *part,
			size_t part_length)
{
	char whole[48];

	if (length + part_length < sizeof(whole)) {
		snprintf(whole, sizeof(whole), "%.*s%.*s", (int)length, name, (int)part_length,
			 part);
		for (int i = 0; i < MEASURES; i++)
			if (!strcmp(measure_table[i].name, whole)) {
				o->measure = (enum measure)i;
				return 0;
			}
	}
	return no_measure(name, length);
}

static int take_strength(struct operand *o, const struct scenario *s, const char *text,
			 size_t length)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || end != text + length)
		return err_set("\"@%.*s\": a strength is a number", (int)length, text);
	for (unsigned int i = 0; i < s->noise.strengths; i++)
		if (s->noise.strength[i] == n) {
			o->strength = (int)n;
			return 0;
		}
	return err_set("the noise has no strength %lu", n);
}

/* "noise", "noise@50" */
static int take_cell(struct operand *o, const struct scenario *s, const char *text,
		     size_t length)
{
	const char *at = memchr(text, '@', length);
	size_t name = at ? (size_t)(at - text) : length;
	int cell = scenario_find_cell(s, text, name);

	o->strength = -1;
	if (cell < 0)
		return err_set("there is no cell \"%.*s\"", (int)name, text);
	o->cell = (unsigned int)cell;
	return at ? take_strength(o, s, at + 1, length - name - 1) : 0;
}

static const char *take_measured(struct operand *o, const struct scenario *s, const char *p)
{
	size_t name = strcspn(p, "(<>=! "), cell, part;
	const char *open = p + name, *behind;

	cell = *open == '(' ? strcspn(open + 1, ")") : 0;
	if (!cell || open[1 + cell] != ')') {
		err_set("\"%.40s\": a measure is asked of a cell: p99(noise)", p);
		return NULL;
	}
	behind = open + cell + 2;
	part = *behind == '.' ? strcspn(behind, " \t<>=!*") : 0;
	o->measured = true;
	if (find_measure(o, p, name, behind, part) || take_cell(o, s, open + 1, cell))
		return NULL;
	return behind + part;
}

static const char *take_word(struct operand *o, const char *p)
{
	size_t length = strcspn(p, " \t<>=!()");

	if (!length || length >= sizeof(o->word)) {
		err_set("\"%.40s\": a measure, a number or a word is expected", p);
		return NULL;
	}
	snprintf(o->word, sizeof(o->word), "%.*s", (int)length, p);
	o->number = NAN;
	return p + length;
}

/* A number: alone, in percent, or times a measure. */
static const char *take_number(struct operand *o, const struct scenario *s, const char *p)
{
	char *end;

	o->number = strtod(p, &end);
	if (!isfinite(o->number)) {
		err_set("\"%.40s\" is no number", p);
		return NULL;
	}
	if (*end == '%') {
		o->number /= 100;
		return end + 1;
	}
	p = skip(end);
	if (*p != '*')
		return p;
	return take_measured(o, s, skip(p + 1));
}

static const char *take_operand(struct operand *o, const struct scenario *s, const char *p)
{
	const char *rest;

	*o = (struct operand){.number = 1, .strength = -1};
	p = skip(p);
	if (isdigit((unsigned char)*p))
		rest = take_number(o, s, p);
	else if (p[strcspn(p, "(<>=! \t")] == '(')
		rest = take_measured(o, s, p);
	else
		rest = take_word(o, p);
	return rest ? skip(rest) : NULL;
}

static const char *take_sign(struct expectation *e, const char *p)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		size_t length = strlen(signs[i].sign);

		if (strncmp(p, signs[i].sign, length))
			continue;
		e->relation = signs[i].relation;
		return p + length;
	}
	err_set("\"%.40s\": one of < <= > >= = != is expected", p);
	return NULL;
}

static enum measure_unit unit_of(const struct operand *o)
{
	return measure_table[o->measure].unit;
}

static int check_value(const struct operand *m, const struct operand *value)
{
	const struct measure_info *info = &measure_table[m->measure];

	if (info->unit == MEASURE_WORD)
		return *value->word ? 0 : err_set("%s is a word, no number", info->name);
	if (*value->word)
		return err_set("%s is a number: \"%s\" cannot be compared with it", info->name,
			       value->word);
	if (info->unit == MEASURE_NS || info->unit == MEASURE_RATE)
		return err_set(
			"%s has a unit that depends on the machine: compare it with another cell, "
			"not with a number",
			info->name);
	return 0;
}

static int check_operands(const struct expectation *e)
{
	bool words;

	if (!e->left.measured)
		return err_set("the left side must be measured: p99(noise) > p99(alone)");
	words = unit_of(&e->left) == MEASURE_WORD;
	if (words && e->relation != RELATION_IS && e->relation != RELATION_NOT)
		return err_set("%s is a word: only = and != can be asked of it",
			       measure_table[e->left.measure].name);
	if (!e->right.measured)
		return check_value(&e->left, &e->right);
	return unit_of(&e->left) == unit_of(&e->right)
		       ? 0
		       : err_set("%s and %s are of different units",
				 measure_table[e->left.measure].name,
				 measure_table[e->right.measure].name);
}

int expect_parse(struct expectation *e, const struct scenario *s, const char *text)
{
	const char *p;

	snprintf(e->text, sizeof(e->text), "%s", text);
	p = take_operand(&e->left, s, text);
	p = p ? take_sign(e, p) : NULL;
	p = p ? take_operand(&e->right, s, p) : NULL;
	if (!p)
		return -1;
	return *p ? err_set("what is \"%.40s\"?", p) : check_operands(e);
}

/* ---- judging ---- */

static double number_of(const struct operand *o, const struct expect_source *source)
{
	return o->measured ? o->number * source->number(source->ctx, o) : o->number;
}

static const char *word_of(const struct operand *o, const struct expect_source *source)
{
	return o->measured ? source->word(source->ctx, o) : o->word;
}

static bool holds(enum relation r, double order)
{
	switch (r) {
	case RELATION_LESS:
		return order < 0;
	case RELATION_AT_MOST:
		return order <= 0;
	case RELATION_MORE:
		return order > 0;
	case RELATION_AT_LEAST:
		return order >= 0;
	case RELATION_IS:
		return order == 0;
	default:
		return order != 0;
	}
}

static struct units_text number_text(enum measure_unit unit, double v)
{
	struct units_text t;

	if (isnan(v))
		snprintf(t.s, sizeof(t.s), "not measured");
	else if (unit == MEASURE_NS)
		return units_ns((uint64_t)(v > 0 ? v : 0), false);
	else if (unit == MEASURE_SHARE)
		snprintf(t.s, sizeof(t.s), "%.1f %%", 100 * v);
	else
		snprintf(t.s, sizeof(t.s), "%.4g", v);
	return t;
}

static enum expect_verdict judge_words(const struct expectation *e,
				       const struct expect_source *source, char *said,
				       size_t bytes)
{
	const char *left = word_of(&e->left, source), *right = word_of(&e->right, source);

	snprintf(said, bytes, "%s", *left ? left : "not known");
	if (!*left || !*right)
		return EXPECT_UNKNOWN;
	return holds(e->relation, strcmp(left, right)) ? EXPECT_HOLDS : EXPECT_FAILS;
}

enum expect_verdict expect_judge(const struct expectation *e,
				 const struct expect_source *source, char *said, size_t bytes)
{
	enum measure_unit unit = unit_of(&e->left);
	double left, right, order;

	if (unit == MEASURE_WORD)
		return judge_words(e, source, said, bytes);
	left = number_of(&e->left, source);
	right = number_of(&e->right, source);
	snprintf(said, bytes, "%s, %s", number_text(unit, left).s, number_text(unit, right).s);
	order = e->right.measured ? source->difference(source->ctx, &e->left, &e->right)
				  : left - right;
	if (isnan(order))
		return EXPECT_UNKNOWN;
	return holds(e->relation, order) ? EXPECT_HOLDS : EXPECT_FAILS;
}
