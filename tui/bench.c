/* A document of benchmarks: see bench.h. */
#include "tui/bench.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/units.h"

#define DOCUMENT_BYTES_MAX (64 << 20)

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* As much of it as there is room for, in whole characters. */
static void copy(char *to, size_t bytes, const char *from)
{
	size_t n = strlen(from);

	if (n >= bytes)
		for (n = bytes - 1; n && ((unsigned char)from[n] & 0xc0) == 0x80; n--)
			;
	memcpy(to, from, n);
	to[n] = '\0';
}

static double number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) && isfinite(json_number_value(v)) ? json_number_value(v) : NAN;
}

/* A count; what cannot be one is 0. */
static unsigned int count_of(const json_t *o, const char *key)
{
	double n = number_of(o, key);

	return n > 0 && n < 1e9 ? (unsigned int)n : 0;
}

/* ---- results ---- */

/* "virtio strata": in which mode, and whose machine. */
static void mode_of(const json_t *o, char *text, size_t bytes)
{
	const char *monitor = text_of(o, "monitor"), *mode = text_of(o, "mode");
	char both[200];

	snprintf(both, sizeof(both), "%.90s%s%.90s", mode, *monitor ? " " : "", monitor);
	copy(text, bytes, both);
}

/* A scenario's results are called SCENARIO.CELL.WHAT, and its cells are its modes. */
static const char *without(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return n && !strncmp(name, prefix, n) && name[n] == '.' ? name + n + 1 : name;
}

static void read_row(struct bench_row *r, const json_t *o, const char *scenario)
{
	const json_t *ci = json_object_get(o, "ci95");
	const json_t *low = json_array_get(ci, 0), *high = json_array_get(ci, 1);
	const char *name = text_of(o, "name");

	if (*scenario) {
		copy(r->cell, sizeof(r->cell), text_of(o, "mode"));
		name = without(without(name, scenario), text_of(o, "mode"));
	}
	copy(r->name, sizeof(r->name), name);
	copy(r->unit, sizeof(r->unit), text_of(o, "unit"));
	mode_of(o, r->mode, sizeof(r->mode));
	r->testbed = !strcmp(text_of(o, "where"), "testbed");
	r->median = number_of(o, "median");
	r->low = json_is_number(low) ? json_number_value(low) : NAN;
	r->high = json_is_number(high) ? json_number_value(high) : NAN;
	r->noise = number_of(json_object_get(o, "noise"), "twins");
	r->n = count_of(o, "n");
	r->asked = count_of(o, "asked");
	copy(r->skipped, sizeof(r->skipped), text_of(o, "skipped"));
	copy(r->failed, sizeof(r->failed), text_of(o, "failed"));
}

static int read_rows(struct bench *b, const json_t *document)
{
	const json_t *list = json_object_get(document, "results");
	size_t n = json_array_size(list), i;
	struct bench_row *rows;
	json_t *o;

	if (n > BENCH_ROWS_MAX - b->count)
		return err_set("it has more than %d results", BENCH_ROWS_MAX);
	rows = realloc(b->rows, (b->count + n + 1) * sizeof(*rows));
	if (!rows)
		return err_set("out of memory for results");
	b->rows = rows;
	json_array_foreach (list, i, o) {
		rows[b->count] = (struct bench_row){.n = 0};
		read_row(&rows[b->count++], o, text_of(document, "scenario"));
	}
	return 0;
}

static void read_expectations(struct bench *b, const json_t *list)
{
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o) {
		struct bench_expected *e = &b->expected[b->expectations];

		if (b->expectations == BENCH_EXPECTED_MAX)
			return;
		copy(e->text, sizeof(e->text), text_of(o, "expect"));
		copy(e->verdict, sizeof(e->verdict), text_of(o, "verdict"));
		copy(e->found, sizeof(e->found), text_of(o, "found"));
		b->expectations++;
	}
}

/* ---- how far it is ---- */

static void read_progress(struct bench *b, const json_t *progress)
{
	double written = number_of(progress, "written_s");

	b->running = json_is_object(progress);
	b->round = count_of(progress, "round");
	b->rounds = count_of(progress, "rounds");
	b->done = count_of(progress, "samples");
	b->asked = count_of(progress, "asked");
	b->left_s = number_of(progress, "left_s");
	b->written_s = written > 0 && written < 1e12 ? (time_t)written : 0;
	b->age_s = NAN;
	copy(b->doing, sizeof(b->doing), text_of(progress, "name"));
	mode_of(progress, b->in, sizeof(b->in));
}

static void read_title(struct bench *b, const json_t *document)
{
	const json_t *environment = json_object_get(document, "environment");
	const char *name = text_of(document, "scenario"), *cpu = text_of(environment, "cpu");
	unsigned int rounds = count_of(document, "rounds_done");
	size_t used = 0;

	if (*name)
		used += (size_t)snprintf(b->title, sizeof(b->title), "%.50s, ", name);
	used += (size_t)snprintf(b->title + used, sizeof(b->title) - used, "%s%.60s",
				 json_is_true(json_object_get(document, "quick")) ? "quick, "
										  : "",
				 *cpu ? cpu : "an unknown CPU");
	if (rounds)
		snprintf(b->title + used, sizeof(b->title) - used, ", rounds done: %u", rounds);
	b->interrupted = json_is_true(json_object_get(document, "interrupted"));
}

struct bench *bench_of(const json_t *document, const char *name)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b) {
		err_set("%s: out of memory", name);
		return NULL;
	}
	if (strcmp(text_of(document, "schema"), "strata.bench/1") != 0)
		err_set("it is no document of schema strata.bench/1");
	else if (!read_rows(b, document)) {
		read_title(b, document);
		copy(b->verdict, sizeof(b->verdict), text_of(document, "verdict"));
		read_expectations(b, json_object_get(document, "expectations"));
		read_progress(b, json_object_get(document, "progress"));
		return b;
	}
	err_add("%s", name);
	bench_free(b);
	return NULL;
}

/* ---- files ---- */

static json_t *load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	json_error_t why;
	json_t *o = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err_errno("%s: cannot open the document", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > DOCUMENT_BYTES_MAX)
		err_set("%s: no file, or one of more than %d MiB", path,
			DOCUMENT_BYTES_MAX >> 20);
	else if (!(o = json_loadfd(fd, 0, &why)))
		err_set("%s: %s (line %d)", path, why.text, why.line);
	if (fd >= 0)
		close(fd);
	return o;
}

/* What is measured elsewhere meanwhile: behind what is here. There may be nothing yet. */
static int add_elsewhere(struct bench *b, const char *path)
{
	json_t *document = load(path);
	int result = 0;

	snprintf(b->in, sizeof(b->in), "the testbed machine");
	if (document) {
		read_progress(b, json_object_get(document, "progress"));
		result = read_rows(b, document);
	}
	b->running = true;
	json_decref(document);
	return result;
}

struct bench *bench_read(const char *path)
{
	json_t *document = load(path);
	struct bench *b = document ? bench_of(document, path) : NULL;
	const char *elsewhere = text_of(json_object_get(document, "progress"), "document");

	if (b && *elsewhere && add_elsewhere(b, elsewhere)) {
		err_add("%s", elsewhere);
		bench_free(b);
		b = NULL;
	}
	json_decref(document);
	return b;
}

void bench_free(struct bench *b)
{
	if (b)
		free(b->rows);
	free(b);
}

/* A benchmark of several figures has a result for each: "net.rtt.p50", "net.rtt.p99". */
bool bench_is_now(const struct bench *b, const struct bench_row *r)
{
	size_t n = strlen(b->doing);

	return b->running && n && !strncmp(r->name, b->doing, n) &&
	       (!r->name[n] || r->name[n] == '.') && !strcmp(r->mode, b->in);
}

void bench_value(double v, const char *unit, char *text, size_t bytes)
{
	if (!isfinite(v))
		snprintf(text, bytes, "no data");
	else if (!strcmp(unit, "ns") && v >= 100 && v < 1e18)
		snprintf(text, bytes, "%s", units_ns((uint64_t)(v + 0.5), false).s);
	else
		snprintf(text, bytes, fabs(v) >= 10000 ? "%.0f %s" : "%.4g %s", v, unit);
}
