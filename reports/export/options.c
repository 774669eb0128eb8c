/* Options of strata-export. */
#include "reports/export/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/options.h"

static const char help_head[] =
	"usage: strata export --format FORMAT [-o FILE | --to URL | --listen ADDRESS]\n"
	"                     [FILTER]... RECORDING\n"
	"\n"
	"Write the requests of a recording in a format that other tools read, in the same memory\n"
	"however long it is.\n"
	"\n"
	"Formats\n";

static const char help_tail[] =
	"\n"
	"Options\n"
	"  -f, --format FORMAT    one of these\n"
	"  -o, --output FILE      write there; else to standard output\n"
	"      --to URL           send to a collector over HTTP (otlp); http://HOST:4318 will do\n"
	"      --listen ADDRESS   serve what it is by now at http://ADDRESS/metrics (openmetrics), until\n"
	"                         Ctrl-C, while the recording grows; ADDRESS is HOST:PORT or :PORT\n"
	"      --help             this text\n"
	"\n"
	"Which requests (FILTER, as those of strata trace)\n"
	"      --filter EXPRESSION, --sample 1/N, --slower-than TIME, --status STATUS,\n"
	"      --path PATTERN, --vm NAME\n"
	"\n"
	"Exit status: 0 all is well, 1 something failed, 2 wrong usage.\n";

static int show_help(void *into, const char *name, char *text)
{
	(void)into;
	(void)name;
	(void)text;
	fputs(help_head, stdout);
	for (size_t i = 0; export_formats[i]; i++)
		printf("  %-12s           %s\n", export_formats[i]->name,
		       export_formats[i]->title);
	fputs(help_tail, stdout);
	return 1;
}

static int take_format(void *into, const char *name, char *text)
{
	struct export_options *o = into;
	char names[256] = "";

	(void)name;
	o->format = export_format_by_name(text);
	if (o->format)
		return 0;
	for (size_t i = 0, at = 0; export_formats[i]; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       export_formats[i]->name);
	return err_set("there is no format \"%s\"; there are: %s", text, names);
}

#define AT(field) offsetof(struct export_options, field)
static const struct option_row rows[] = {
	OPTION(TAKE, "format", .take = take_format, .letter = 'f'),
	OPTION(TEXT, "output", AT(output), .letter = 'o'),
	OPTION(TEXT, "to", AT(url)),
	OPTION(TEXT, "listen", AT(listen)),
	OPTION(TAKE, "filter", AT(filter), .take = filter_take),
	OPTION(TAKE, "sample", AT(filter), .take = filter_take),
	OPTION(TAKE, "slower-than", AT(filter), .take = filter_take),
	OPTION(TAKE, "status", AT(filter), .take = filter_take),
	OPTION(TAKE, "path", AT(filter), .take = filter_take),
	OPTION(TAKE, "vm", AT(filter), .take = filter_take),
	OPTION(DO, "help", .take = show_help),
};
static const struct option_table table = OPTIONS(rows, NULL);

static int check(const struct export_options *o, int left)
{
	if (!o->format)
		return err_set("say in which format: --format FORMAT");
	if (!!o->output + !!o->url + !!o->listen > 1)
		return err_set("--output, --to and --listen: one of them at a time");
	if (o->url && !(o->format->ways & EXPORT_POSTS))
		return err_set("--to is for otlp: no collector takes %s", o->format->name);
	if (o->listen && !(o->format->ways & EXPORT_SERVES))
		return err_set("--listen is for openmetrics: nobody scrapes %s",
			       o->format->name);
	if (left != 1)
		return err_set(left ? "one recording at a time"
				    : "say which recording is to be exported");
	return 0;
}

int export_options_parse(struct export_options *o, int argc, char **argv)
{
	int result;

	*o = (struct export_options){0};
	result = options_read(&table, o, argc, argv, NULL);
	if (!result)
		result = check(o, argc - optind);
	if (!result)
		o->recording = argv[optind];
	return result < 0 ? err_usage("export") : result;
}
