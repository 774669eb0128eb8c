/*
 * strata vm: set, get, unset and cleanup are about settings of VMs that run (remedies.h); all
 * else is strata-vmm's, which this program becomes.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/table.h"
#include "scenarios/remedies/remedies.h"

#define PROGRAM "strata-vm"

static const char usage[] =
	"usage: strata vm set VM NAME=VALUE...\n"
	"       strata vm unset VM NAME... | --all\n"
	"       strata vm get VM [NAME]... [--json]\n"
	"       strata vm cleanup\n"
	"       strata vm run|ask ...      see strata vm run --help\n"
	"\n"
	"Settings of a virtual machine that runs. VM is its name, its control socket's path, or its\n"
	"process id; other VMMs' machines have process ids only, and not all of the settings.\n"
	"\n"
	"set     set them, one after the other; when the VM ends all is put back\n"
	"unset   put back what was there before the first set\n"
	"get     what is in force; all settings unless some are named\n"
	"cleanup put back what was set for VMs that have ended, should nobody have done so\n"
	"\n"
	"Sizes are like 64K, 10M, 1G; durations like 500us, 10ms, 1s. Of net and disk, a number means\n"
	"one device (net8.rx-bytes; strata vm ask tells numbers), none means all.\n"
	"\n";

static const char usage_end[] =
	"\n"
	"Exit status: 0 all is well, 1 something could not be done, 2 wrong usage.\n";

static int print_help(void)
{
	fputs(usage, stdout);
	for (const struct remedy *r = remedies; r->name; r++)
		printf("  %s=%s\n        %s: %s\n", r->name, r->value,
		       remedy_kind_name(r->kind), r->help);
	fputs(usage_end, stdout);
	return EXIT_OK;
}

static int wrong(const char *what)
{
	fprintf(stderr, PROGRAM ": %s; try \"strata vm set --help\"\n", what);
	return EXIT_USAGE;
}

static int failed(void)
{
	err_print(PROGRAM);
	return EXIT_FAILED;
}

/* ---- set ---- */

/* NAME=VALUE, cut in two in place. */
static int take_apart(char *word, char **value)
{
	*value = strchr(word, '=');
	if (!*value)
		return err_set("\"%s\" is not like cpu.max=50%%", word);
	*(*value)++ = '\0';
	return remedy_check(word, *value);
}

static int do_set(char *words[], int n)
{
	struct remedy_vm *vm;
	int result = 0;

	if (n < 2)
		return wrong("set takes a VM, and what to set");
	for (int i = 1; i < n; i++) {
		char *value;

		if (take_apart(words[i], &value)) {
			err_print(PROGRAM);
			return EXIT_USAGE;
		}
	}
	vm = remedy_vm_named(words[0]);
	if (!vm)
		return failed();
	for (int i = 1; i < n && !result; i++)
		result = remedy_set(vm, words[i], words[i] + strlen(words[i]) + 1);
	if (result)
		err_print(PROGRAM);
	/* Whatever was set, the last of them or not, has to be put back some day. */
	if (remedy_guard(vm)) {
		err_print(PROGRAM);
		result = -1;
	}
	remedy_vm_close(vm);
	return result ? EXIT_FAILED : EXIT_OK;
}

/* ---- unset ---- */

static int do_unset(char *words[], int n)
{
	bool all = n == 2 && !strcmp(words[1], "--all");
	struct remedy_vm *vm;
	int result = 0;

	if (n < 2)
		return wrong("unset takes a VM, and names of settings or --all");
	for (int i = 1; i < n && !all; i++)
		if (!remedy_find(words[i])) {
			err_print(PROGRAM);
			return EXIT_USAGE;
		}
	vm = remedy_vm_named(words[0]);
	if (!vm)
		return failed();
	if (all)
		result = remedy_undo(vm);
	for (int i = 1; i < n && !all && !result; i++)
		result = remedy_unset(vm, words[i]);
	remedy_vm_close(vm);
	return result ? failed() : EXIT_OK;
}

/* ---- get ---- */

static const char *text_of(const json_t *value, char *room, size_t bytes)
{
	char *dump;

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_null(value))
		return "-";
	dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	snprintf(room, bytes, "%s", dump ? dump : "");
	free(dump);
	return room;
}

static int print_table(const json_t *settings)
{
	static const struct table_column columns[] = {{"setting", false, 0},
						      {"kind", false, 0},
						      {"value", false, 20},
						      {"", false, 20}};
	struct table *t = table_create(columns, 4);
	json_t *s;
	size_t i;
	int result;

	if (!t)
		return err_errno("print the settings");
	json_array_foreach (settings, i, s) {
		const char *why = json_string_value(json_object_get(s, "why"));
		bool set = json_is_true(json_object_get(s, "set"));
		char room[1024];

		table_cell(t, set ? COLOUR_BOLD : COLOUR_NONE, "%s",
			   json_string_value(json_object_get(s, "name")));
		table_cell(t, COLOUR_NONE, "%s", json_string_value(json_object_get(s, "kind")));
		table_cell(t, COLOUR_NONE, "%s",
			   text_of(json_object_get(s, "value"), room, sizeof(room)));
		table_cell(t, COLOUR_DIM, "%s", why ? why : set ? "set by strata" : "");
	}
	result = table_print(t, stdout, table_style_of(stdout), 0);
	table_destroy(t);
	return result;
}

static int print_settings(struct remedy_vm *vm, json_t *settings, bool json)
{
	json_t *document;
	int result;

	if (!json)
		return print_table(settings);
	document =
		json_pack("{s:s,s:s,s:i,s:O}", "schema", "strata.settings/1", "name",
			  remedy_vm_name(vm), "pid", remedy_vm_pid(vm), "settings", settings);
	result = json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
	return result ? err_set("cannot write the settings") : 0;
}

static json_t *get_all(struct remedy_vm *vm)
{
	json_t *settings = json_array();

	for (const struct remedy *r = remedies; r->name; r++)
		json_array_append_new(settings, remedy_get(vm, r->name));
	return settings;
}

static int do_get(char *words[], int n)
{
	json_t *settings = json_array();
	struct remedy_vm *vm;
	bool json = false;
	int kept = 0, result;

	for (int i = 0; i < n; i++) {
		if (!strcmp(words[i], "--json"))
			json = true;
		else
			words[kept++] = words[i];
	}
	if (!kept)
		return wrong("get takes a VM");
	for (int i = 1; i < kept; i++)
		if (!remedy_find(words[i])) {
			err_print(PROGRAM);
			return EXIT_USAGE;
		}
	vm = remedy_vm_named(words[0]);
	if (!vm)
		return failed();
	for (int i = 1; i < kept; i++)
		json_array_append_new(settings, remedy_get(vm, words[i]));
	if (kept == 1) {
		json_decref(settings);
		settings = get_all(vm);
	}
	result = print_settings(vm, settings, json);
	json_decref(settings);
	remedy_vm_close(vm);
	return result ? failed() : EXIT_OK;
}

static int do_cleanup(char *words[], int n)
{
	(void)words;
	if (n)
		return wrong("cleanup takes nothing");
	return remedy_sweep(NULL, stdout) ? failed() : EXIT_OK;
}

/* ---- all else ---- */

static int become_vmm(char *argv[])
{
	char path[PATH_MAX];

	if (path_program(path, sizeof(path), "strata-vmm"))
		return failed();
	execv(path, argv);
	err_errno("run %s", path);
	return failed();
}

static const struct {
	const char *name;
	int (*run)(char *words[], int n);
} commands[] = {{"set", do_set}, {"unset", do_unset}, {"get", do_get}, {"cleanup", do_cleanup}};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		for (int k = 2; k < argc; k++)
			if (!strcmp(argv[k], "--help") || !strcmp(argv[k], "-h"))
				return print_help();
		return commands[i].run(argv + 2, argc - 2);
	}
	return become_vmm(argv);
}
