/* Options of strata-tui. */
#include "tui/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/options.h"
#include "tui/scheme.h"

#define TOP_MAX 100000000

static const char help[] =
	"usage: strata tui [OPTION]... RECORDING [RECORDING]... [DOCUMENT.json]\n"
	"       strata tui [OPTION]... --sample\n"
	"       strata tui [OPTION]... --live [OPTION of strata trace]...\n"
	"\n"
	"Walk one real request through the machine, hop by hop; see where the time of all of them\n"
	"went; put recordings beside each other. Press ? for the keys.\n"
	"\n"
	"What is shown\n"
	"  RECORDING            of strata trace or strata demo; more to compare with, 7 in all\n"
	"                       (of a demonstration alone: those of its other modes)\n"
	"  DOCUMENT.json        of strata bench or strata run, finished or at work; without a name\n"
	"                       the latest in out/ is shown\n"
	"  --sample             the recording that comes with strata: needs no root, no KVM, no VM\n"
	"  --follow             the recording is still being written: show its latest requests\n"
	"  --live               trace, and show the latest requests; all that follows is for\n"
	"                       strata trace (\"strata trace --help\"); without --output nothing is\n"
	"                       kept\n"
	"\n"
	"The screen to begin with\n"
	"  --view NAME          list, ladder, layers, why, vm, compare, facts, bench, help\n"
	"  --request N          that request, by its number\n"
	"  --hop NAME           in the ladder: that hop\n"
	"  --row NAME           in the layers: that layer or hop; --bar N: that bar below\n"
	"  --with N             in the comparison: the Nth other recording alone\n"
	"  --top N              scrolled so far: by N rows or lines\n"
	"  --mark N,N           mark requests\n"
	"  --sort COLUMN        time, client, path, status, total, worst; --reverse the other way\n"
	"  --filter TEXT        those requests alone: an expression and options of strata\n"
	"                       trace, as 'net 10.0.0.0/8 and --slower-than 5ms'\n"
	"  --search TEXT        only requests that contain it\n"
	"  --bucket NAME:A-B    only requests whose layer or hop took A to B nanoseconds\n"
	"\n"
	"How\n"
	"  --plain              line by line, for screen readers and pipes; by itself where stdout is\n"
	"                       no terminal\n"
	"  --export KIND        print that one screen as text or json, and end\n"
	"  --size COLSxROWS     of what is exported (80x24)\n"
	"  --colours NAME       mono, dark, light, safe; NO_COLOR, if set, means mono\n"
	"  --ascii              no other characters\n"
	"  --keys               print the keys and their actions, and end\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0 all is well, 1 something failed, 2 wrong usage.\n";

static int wrong(const char *option, const char *text, const char *expected)
{
	return err_set("--%s %s: expected %s", option, text, expected);
}

static int take_size(void *into, const char *name, char *text)
{
	struct tui_options *o = into;
	char end;

	if (sscanf(text, "%dx%d%c", &o->columns, &o->rows, &end) != 2 || o->columns < 1 ||
	    o->rows < 1 || o->columns > CELLS_COLUMNS_MAX || o->rows > CELLS_ROWS_MAX)
		return wrong(name, text, "COLUMNSxROWS, as 80x24, up to 1000x1000");
	return 0;
}

static int take_export(void *into, const char *name, char *text)
{
	struct tui_options *o = into;

	o->export = !strcmp(text, "text")   ? EXPORT_TEXT
		    : !strcmp(text, "json") ? EXPORT_JSON
					    : EXPORT_NONE;
	return o->export ? 0 : wrong(name, text, "text or json");
}

static int take_hop(void *into, const char *name, char *text)
{
	struct tui_options *o = into;

	o->hop = text;
	return hop_by_name(text) < 0
		       ? wrong(name, text, "a hop's name (\"strata trace --hops\" has all)")
		       : 0;
}

static int found(int *to, int value, const char *option, const char *text, const char *expected)
{
	*to = value;
	return value < 0 ? wrong(option, text, expected) : 0;
}

static int take_view(void *into, const char *name, char *text)
{
	struct tui_options *o = into;

	o->help = !strcmp(text, "help");
	if (o->help)
		return 0;
	return found(&o->view, view_by_name(text), name, text,
		     "list, ladder, layers, why, vm, compare, facts, bench or help");
}

static int take_sort(void *into, const char *name, char *text)
{
	struct tui_options *o = into;

	return found(&o->sort, column_by_name(text), name, text,
		     "time, client, path, status, total or worst");
}

static int take_colours(void *into, const char *name, char *text)
{
	struct tui_options *o = into;

	return found(&o->scheme, scheme_by_name(text), name, text, "mono, dark, light or safe");
}

#define AT(field) offsetof(struct tui_options, field)
static const struct option_row rows[] = {
	OPTION(SET, "sample", AT(sample)),
	OPTION(SET, "follow", AT(follow)),
	OPTION(TAKE, "view", .take = take_view),
	OPTION(NUMBER, "request", AT(request), 1, UINT64_MAX),
	OPTION(TAKE, "hop", .take = take_hop),
	OPTION(TEXT, "row", AT(row)),
	OPTION(UNSIGNED, "bar", AT(bar), 1, CELLS_COLUMNS_MAX),
	OPTION(UNSIGNED, "with", AT(with), 1, OTHERS_MAX),
	OPTION(UNSIGNED, "top", AT(top), 1, TOP_MAX),
	OPTION(TEXT, "mark", AT(marks)),
	OPTION(TAKE, "sort", .take = take_sort),
	OPTION(SET, "reverse", AT(reverse)),
	OPTION(TEXT, "filter", AT(filter)),
	OPTION(TEXT, "search", AT(search)),
	OPTION(TEXT, "bucket", AT(bucket)),
	OPTION(SET, "plain", AT(plain)),
	OPTION(TAKE, "export", .take = take_export),
	OPTION(TAKE, "size", .take = take_size),
	OPTION(TAKE, "colours", .take = take_colours),
	OPTION(SET, "ascii", AT(ascii)),
	OPTION(SET, "keys", AT(keys)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

static int check(const struct tui_options *o)
{
	if (o->keys)
		return 0;
	if (o->live && (o->sample || o->recording_count))
		return err_set("--live shows what is traced now: no recording goes with it");
	if (o->sample && o->recording_count)
		return err_set("--sample is a recording: no other goes with it");
	if (!o->live && !o->sample && !o->recording_count && !o->document)
		return err_set("say what to show: a recording, --sample, or --live");
	if (o->follow && o->recording_count != 1)
		return err_set("--follow goes with one recording");
	if (o->export && (o->live || o->follow))
		return err_set(
			"--export prints one screen of what is complete: not --live, not "
			"--follow");
	return 0;
}

/* --live ends our own options: the rest is strata trace's. */
static int split(struct tui_options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--live"))
			continue;
		o->live = argv + i + 1;
		return i;
	}
	return argc;
}

/* A document of benchmarks is known by its name's end. */
static int take_name(struct tui_options *o, const char *name)
{
	size_t n = strlen(name);

	if (n > 5 && !strcmp(name + n - 5, ".json")) {
		if (o->document)
			return err_set("one document at most: what is \"%s\"?", name);
		o->document = name;
		return 0;
	}
	if (o->recording_count > OTHERS_MAX)
		return err_set("%d recordings at most: what is \"%s\"?", 1 + OTHERS_MAX, name);
	o->recordings[o->recording_count++] = name;
	return 0;
}

int tui_options_parse(struct tui_options *o, int argc, char **argv)
{
	int result;

	*o = (struct tui_options){
		.view = -1, .sort = -1, .scheme = -1, .rows = 24, .columns = 80};
	argc = split(o, argc, argv);
	result = options_read(&table, o, argc, argv, NULL);
	for (; !result && optind < argc; optind++)
		result = take_name(o, argv[optind]);
	if (!result)
		result = check(o);
	return result < 0 ? err_usage("tui") : result;
}

/* ---- the screen to begin with ---- */

static bool find_measure(const struct model *m, const char *name, size_t bytes,
			 struct measure *what, bool *hops, int *row)
{
	struct measure list[MEASURES_MAX];

	for (int pass = 0; pass < 2; pass++) {
		int n = pass ? measure_hops(m, list) : measure_layers(m, list);

		for (int i = 0; i < n; i++) {
			struct measure_name is = measure_name(&list[i]);

			if (strlen(is.s) != bytes || memcmp(is.s, name, bytes))
				continue;
			*what = list[i];
			*hops = pass;
			*row = i;
			return true;
		}
	}
	return false;
}

static int apply_bucket(const char *text, struct ui *ui)
{
	const char *colon = strrchr(text, ':');
	struct bucket b = {.set = true};
	unsigned long long from, to;
	bool hops;
	char end;
	int row;

	if (!colon || sscanf(colon + 1, "%llu-%llu%c", &from, &to, &end) != 2 || from >= to)
		return wrong("bucket", text, "NAME:FROM-TO in nanoseconds");
	if (!find_measure(ui->model, text, (size_t)(colon - text), &b.what, &hops, &row))
		return err_set("--bucket %s: this recording has no such layer or hop", text);
	b.from_ns = from;
	b.to_ns = to;
	ui->choice.bucket = b;
	return 0;
}

static int apply_row(const char *name, struct ui *ui)
{
	struct measure what;

	if (!find_measure(ui->model, name, strlen(name), &what, &ui->layers.hops,
			  &ui->layers.row))
		return err_set("--row %s: this recording has no such layer or hop", name);
	return 0;
}

static int apply_request(const struct tui_options *o, struct ui *ui)
{
	size_t at = rows_find(&ui->rows, ui->model, o->request);

	if (!ui_choose(ui, o->request))
		return err_set("--request %llu: there is none of that number%s",
			       (unsigned long long)o->request,
			       ui->model->seen > ui->model->request_count
				       ? " among those that were kept"
				       : "");
	if (at != SIZE_MAX)
		ui_select(ui, at);
	return 0;
}

static int apply_marks(const char *text, struct ui *ui)
{
	char *end;

	for (; *text; text = *end ? end + 1 : end) {
		uint64_t number = strtoull(text, &end, 10);

		if (end == text || (*end && *end != ',') || !number ||
		    ui->mark_count == MARKS_MAX)
			return wrong("mark", text, "numbers of requests, with commas between");
		ui->marks[ui->mark_count++] = number;
	}
	return 0;
}

/* What was scrolled; drawing corrects what cannot be. */
static void apply_top(const struct tui_options *o, struct ui *ui)
{
	ui->scroll = (int)o->top;
	ui->top = o->top;
	ui->ladder.top = ui->layers.top = (int)o->top;
	ui->versus_shown = (int)o->with;
	if (!o->bar)
		return;
	ui->layers.in_buckets = true;
	ui->layers.bucket = (int)o->bar - 1;
}

static int apply_choice(const struct tui_options *o, struct ui *ui)
{
	return (o->bucket && apply_bucket(o->bucket, ui)) ||
			       (o->search && ui_search(ui, o->search)) ||
			       ui_filter(ui, o->filter ? o->filter : "") ||
			       (o->marks && apply_marks(o->marks, ui)) ||
			       (o->row && apply_row(o->row, ui)) ||
			       (o->request && apply_request(o, ui))
		       ? -1
		       : 0;
}

int tui_options_apply(const struct tui_options *o, struct ui *ui)
{
	ui->help = o->help;
	if (o->view >= 0)
		ui->view = (enum view)o->view;
	if (o->sort >= 0)
		ui->choice.sort = (enum column)o->sort;
	ui->choice.descending = o->reverse;
	if (!ui->model)
		apply_top(o, ui);
	if (!ui->model)
		return o->row || o->bucket || o->request || o->hop
			       ? err_set("without a recording there is no request, layer or hop")
			       : 0;
	if (apply_choice(o, ui))
		return -1;
	if (o->hop && !ui_step_to(ui, (enum strata_hop)hop_by_name(o->hop)))
		return err_set("--hop %s: this request was not seen there", o->hop);
	apply_top(o, ui);
	return 0;
}
