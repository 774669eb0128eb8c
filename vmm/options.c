/* The command line, taken apart by a table. */
#include "vmm/options.h"

#include <stddef.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/boot.h"
#include "vmm/limit.h"

static int parse_huge(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	if (strcmp(text, "2M") && strcmp(text, "1G"))
		return err_set("\"%s\" is not a size of huge pages: 2M or 1G", text);
	return parse_size(text, min, max, out);
}

/* One setting: where its text goes, or how it is parsed. */
static const struct setting {
	const char *name;
	const char *value; /* what stands for it in --help; NULL: none is taken */
	const char *help;
	size_t text;   /* offset of a const char * in struct options, if not 0 */
	size_t number; /* offset of a uint64_t */
	uint64_t min, max;
	int (*parse)(const char *text, uint64_t min, uint64_t max, uint64_t *out);
} settings[] = {
	{"kernel", "PATH", "ELF kernel (vmlinux) with PVH entry, or bzImage (vmlinuz)",
	 .text = offsetof(struct options, kernel)},
	{"initrd", "PATH", "initial RAM file system", .text = offsetof(struct options, initrd)},
	{"cmdline", "TEXT",
	 "kernel command line, after \"" BOOT_CMDLINE_DEFAULT "\"; the last word on "
	 "a subject counts",
	 .text = offsetof(struct options, cmdline)},
	{"memory", "SIZE", "memory (512M)", .number = offsetof(struct options, memory_bytes),
	 .min = 2 << 20, .max = OPTIONS_MEMORY_MAX, .parse = parse_size},
	{"hugepages", "2M|1G",
	 "take the memory, all of it at once, from the host's pool of such pages",
	 .number = offsetof(struct options, huge_bytes), .min = 2 << 20, .max = 1 << 30,
	 .parse = parse_huge},
	{"cpus", "N", "virtual processors (1)", .number = offsetof(struct options, cpus),
	 .min = 1, .max = OPTIONS_CPUS_MAX, .parse = parse_number},
	{"name", "TEXT", "the machine's name in status and traces (vm)",
	 .text = offsetof(struct options, name)},
	{"control", "PATH", "answer requests on this Unix socket",
	 .text = offsetof(struct options, control)},
	{"trace-ring", "PATH", "write hop events into this file while somebody reads it",
	 .text = offsetof(struct options, trace_ring)},
	{NULL},
};

static const struct setting *find_setting(const char *name)
{
	for (const struct setting *s = settings; s->name; s++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

/* The device of that name and mode; mode NULL: the default, the first. */
static const struct device_type *find_device(const char *name, const char *mode)
{
	for (const struct device_type *const *t = device_types; *t; t++)
		if (!(*t)->hidden && !strcmp((*t)->name, name) &&
		    (!mode || ((*t)->mode && !strcmp((*t)->mode, mode))))
			return *t;
	return NULL;
}

static int set(struct options *o, const struct setting *s, const char *value)
{
	char *base = (char *)o;

	if (!value || !*value)
		return err_set("--%s needs a value: --%s %s", s->name, s->name, s->value);
	if (!s->parse) {
		memcpy(base + s->text, &value, sizeof(value));
		return 0;
	}
	if (s->parse(value, s->min, s->max, (uint64_t *)(void *)(base + s->number)))
		return err_add("--%s", s->name);
	return 0;
}

static int given(const struct options *o, const struct device_type *t)
{
	int n = 0;

	for (int i = 0; i < o->devices; i++)
		n += !strcmp(o->device[i].type->name, t->name);
	return n;
}

/* The modes that a device has, for a sentence. */
static int no_such_mode(const char *name, const char *mode)
{
	char modes[200] = "";
	size_t n = 0;

	for (const struct device_type *const *t = device_types; *t; t++)
		if (!strcmp((*t)->name, name) && (*t)->mode && n < sizeof(modes))
			n += (size_t)snprintf(modes + n, sizeof(modes) - n, "%s%s",
					      n ? ", " : "", (*t)->mode);
	return err_set("--%s: mode=%s: %s%s", name, mode,
		       n ? "the modes are: " : "it has no modes", modes);
}

/* Which mode the text asks for: "mode=MODE" wherever it stands in it, taken out of it. */
static int find_mode(const struct device_type **t, char *text)
{
	char *item = text;
	const char *name = (*t)->name;
	size_t length;

	while (item && strncmp(item, "mode=", 5) != 0) {
		item = strchr(item, ',');
		item += !!item;
	}
	if (!item)
		return 0;
	length = strcspn(item, ",");
	char mode[length + 1];

	snprintf(mode, sizeof(mode), "%s", item);
	*t = find_device(name, mode + 5);
	memmove(item, item + length + !!item[length], strlen(item + length) + !item[length]);
	return *t ? 0 : no_such_mode(name, mode + 5);
}

static int add_device(struct options *o, const struct device_type *t, const char *value)
{
	struct option_device *d = &o->device[o->devices];
	char text[strlen(value ? value : "") + 1];

	if (o->devices == OPTIONS_DEVICES_MAX)
		return err_set("more than %d devices", OPTIONS_DEVICES_MAX);
	if (!t->many && given(o, t))
		return err_set("--%s is given twice", t->name);
	snprintf(text, sizeof(text), "%s", value ? value : "");
	if (find_mode(&t, text))
		return -1;
	if (t->no_limits && limits_named_in(text))
		return err_set("--%s: %s: of a card or disk of mode=%s, %s", t->name,
			       limits_named_in(text), t->mode, t->no_limits);
	if (arguments_parse(&d->arguments, text, t->arguments))
		return err_add("--%s", t->name);
	d->type = t;
	o->devices++;
	if (t->check && t->check(&d->arguments))
		return err_add("--%s", t->name);
	return 0;
}

/* Whether any of its settings must be given: then the next word is its value, whatever it looks
 * like. */
static bool needs_value(const struct device_type *t)
{
	for (const struct argument *a = t->arguments; a && a->key; a++)
		if (a->required)
			return true;
	return false;
}

static bool is_value(const char *word)
{
	return word && strncmp(word, "--", 2) != 0;
}

/* "--name=value" or "--name value". *next is the word after, taken if it is the value. */
static int parse_word(struct options *o, const char *word, const char *following, int *taken)
{
	char name[32];
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	const struct device_type *t;
	const struct setting *s;

	*taken = 0;
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : 0), word);
	s = find_setting(name);
	if (s) {
		*taken = !equals;
		return set(o, s, equals ? equals + 1 : following);
	}
	t = find_device(name, NULL);
	if (!t)
		return err_set("there is no option --%s; see --help", word);
	if (equals)
		return add_device(o, t, equals + 1);
	*taken = t->arguments && (needs_value(t) || is_value(following));
	return add_device(o, t, *taken ? following : NULL);
}

static int check(const struct options *o)
{
	if (o->help || o->ask)
		return 0;
	if (!o->kernel)
		return err_set(
			"--kernel PATH is missing: what shall the machine run? See --help");
	if (o->memory_bytes % (1 << 20))
		return err_set("--memory: not a whole number of MiB");
	if (o->huge_bytes && o->memory_bytes % o->huge_bytes)
		return err_set("--memory: not a whole number of huge pages");
	return 0;
}

/* ask PATH JSON, which is a program of its own behind the same name. */
static int parse_ask(struct options *o, int argc, char *const argv[])
{
	if (argc != 4)
		return err_set("ask takes a control socket and a request: ask PATH "
			       "'{\"do\":\"status\"}'");
	o->ask = argv[2];
	o->request = argv[3];
	return 0;
}

int options_parse(struct options *o, int argc, char *const argv[])
{
	*o = (struct options){.name = "vm", .memory_bytes = 512 << 20, .cpus = 1};
	if (argc > 1 && !strcmp(argv[1], "ask"))
		return parse_ask(o, argc, argv);
	for (int i = argc > 1 && !strcmp(argv[1], "run") ? 2 : 1; i < argc; i++) {
		int taken;

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			o->help = true;
			return 0;
		}
		if (strncmp(argv[i], "--", 2) || !argv[i][2])
			return err_set("\"%s\" is not an option; see --help", argv[i]);
		if (parse_word(o, argv[i] + 2, i + 1 < argc ? argv[i + 1] : NULL, &taken))
			return -1;
		i += taken;
	}
	return check(o);
}

void options_free(struct options *o)
{
	for (int i = 0; i < o->devices; i++)
		arguments_free(&o->device[i].arguments);
	o->devices = 0;
}

static void device_help(FILE *out, const struct device_type *t)
{
	char name[40];

	snprintf(name, sizeof(name), "%s%s%s", t->name, t->mode ? " mode=" : "",
		 t->mode ? t->mode : "");
	fprintf(out, "  --%-20s %s%s\n", name, t->help, t->many ? " (may be repeated)" : "");
	for (const struct argument *a = t->arguments; a && a->key; a++) {
		char key[40];

		snprintf(key, sizeof(key), "%s%s%s", a->key, a->value ? "=" : "",
			 a->value ? a->value : "");
		fprintf(out, "      %-18s %s%s\n", key, a->help,
			a->required ? " (required)" : "");
	}
}

void options_help(FILE *out)
{
	fputs("usage: strata vm run --kernel PATH [OPTION]...\n"
	      "       strata vm ask PATH '{\"do\":\"status\"}'\n"
	      "\n"
	      "run, which may be left out, runs a virtual machine (x86-64, KVM) until its guest\n"
	      "switches itself off. ask sends one request to a running machine's control socket and\n"
	      "prints the reply: status, counters, limit, halt-poll, pause, resume, powerdown, quit,\n"
	      "help. What a running machine may use, strata vm set says: strata vm set --help.\n"
	      "\n",
	      out);
	for (const struct setting *s = settings; s->name; s++) {
		char name[40];

		snprintf(name, sizeof(name), "%s %s", s->name, s->value);
		fprintf(out, "  --%-20s %s\n", name, s->help);
	}
	fputs("\nDevices, each with settings like KEY=VALUE,KEY,...:\n", out);
	for (const struct device_type *const *t = device_types; *t; t++)
		if (!(*t)->hidden)
			device_help(out, *t);
	fputs("\n"
	      "SIGINT and SIGTERM end the machine in order, a second one at once.\n"
	      "Exit status: 0 the guest switched itself off or rebooted, or we were asked to quit;\n"
	      "1 anything failed, a guest's panic included; 2 wrong usage.\n",
	      out);
}
