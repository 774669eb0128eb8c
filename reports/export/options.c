/* Options of strata-export. */
#include "reports/export/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

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

enum { HELP = 256, TO, LISTEN, FILTER };

static const struct option long_options[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"to", required_argument, NULL, TO},
	{"listen", required_argument, NULL, LISTEN},
	{"filter", required_argument, NULL, FILTER},
	{"sample", required_argument, NULL, FILTER},
	{"slower-than", required_argument, NULL, FILTER},
	{"status", required_argument, NULL, FILTER},
	{"path", required_argument, NULL, FILTER},
	{"vm", required_argument, NULL, FILTER},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static void help(void)
{
	fputs(help_head, stdout);
	for (size_t i = 0; export_formats[i]; i++)
		printf("  %-12s           %s\n", export_formats[i]->name,
		       export_formats[i]->title);
	fputs(help_tail, stdout);
}

static int take_format(struct export_options *o, const char *name)
{
	char names[256] = "";

	o->format = export_format_by_name(name);
	if (o->format)
		return 0;
	for (size_t i = 0, at = 0; export_formats[i]; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       export_formats[i]->name);
	return err_set("there is no format \"%s\"; there are: %s", name, names);
}

static int take(struct export_options *o, int option, const char *name)
{
	switch (option) {
	case 'f':
		return take_format(o, optarg);
	case 'o':
		o->output = optarg;
		return 0;
	case FILTER:
		return filter_set(&o->filter, name, optarg);
	case TO:
		o->url = optarg;
		return 0;
	case LISTEN:
		o->listen = optarg;
		return 0;
	default:
		return err_set("wrong option");
	}
}

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
	int option, index = 0;

	*o = (struct export_options){0};
	while ((option = getopt_long(argc, argv, "f:o:", long_options, &index)) != -1) {
		if (option == HELP) {
			help();
			return 1;
		}
		if (option == '?' || take(o, option, long_options[index].name)) {
			if (option != '?')
				err_print("strata-export");
			goto usage;
		}
	}
	if (!check(o, argc - optind)) {
		o->recording = argv[optind];
		return 0;
	}
	err_print("strata-export");
usage:
	fputs("try \"strata export --help\"\n", stderr);
	return -1;
}
