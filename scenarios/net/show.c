/* strata net show: see show.h. */
#include "scenarios/net/show.h"

#include <string.h>

#include "lib/err.h"
#include "lib/plumbing.h"
#include "lib/table.h"

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Keep only the net of that name. */
static void select_net(json_t *document, const char *name)
{
	json_t *nets = json_object_get(document, "nets");

	for (size_t i = json_array_size(nets); name && i-- > 0;)
		if (strcmp(text_of(json_array_get(nets, i), "name"), name))
			json_array_remove(nets, i);
}

/* The PCI address that was given to vfio-pci. */
static const char *device_of(const json_t *net)
{
	json_t *use;
	size_t i;

	json_array_foreach (json_object_get(net, "uses"), i, use)
		if (!strncmp(json_string_value(use), "vfio:", 5))
			return json_string_value(use) + 5;
	return "";
}

static void use_of(char *text, size_t bytes, const json_t *net)
{
	const json_t *options = json_object_get(net, "options");
	json_int_t queues = json_integer_value(json_object_get(options, "queues"));
	const char *tap = text_of(options, "tap");
	char more[32] = "";

	if (*device_of(net))
		snprintf(text, bytes, "--net mode=vfio,device=%s", device_of(net));
	else if (*tap) {
		if (queues > 1)
			snprintf(more, sizeof(more), ",queues=%lld", queues);
		snprintf(text, bytes, "--net tap=%s%s%s%s", tap, more,
			 *text_of(options, "mac") ? ",mac=" : "", text_of(options, "mac"));
	} else {
		snprintf(text, bytes, "-");
	}
}

static void or_dash(struct table *t, const char *text)
{
	table_cell(t, COLOUR_NONE, "%s", *text ? text : "-");
}

static void add_row(struct table *t, const json_t *net)
{
	const json_t *options = json_object_get(net, "options");
	const json_t *missing = json_object_get(net, "missing");
	json_int_t vlan = json_integer_value(json_object_get(options, "vlan"));
	const char *state = text_of(net, "state");
	char use[128];

	use_of(use, sizeof(use), net);
	or_dash(t, text_of(net, "name"));
	if (json_array_size(missing))
		table_cell(t, COLOUR_RED, "%s: no %s", state,
			   json_string_value(json_array_get(missing, 0)));
	else
		table_cell(t, strcmp(state, "up") ? COLOUR_YELLOW : COLOUR_GREEN, "%s", state);
	or_dash(t, *device_of(net) ? "vfio-pci" : text_of(options, "switch"));
	or_dash(t, text_of(options, "bridge"));
	or_dash(t,
		*text_of(options, "of") ? text_of(options, "of") : text_of(options, "uplink"));
	if (vlan)
		table_cell(t, COLOUR_NONE, "%lld", vlan);
	else
		or_dash(t, "");
	or_dash(t, use);
}

static int print_table(const json_t *document, FILE *f)
{
	static const struct table_column columns[] = {
		{"name", false, 0},        {"state", false, 12}, {"switch", false, 0},
		{"bridge", false, 0},      {"uplink", false, 0}, {"vlan", true, 0},
		{"strata vmm", false, 20},
	};
	const json_t *nets = json_object_get(document, "nets");
	struct table *t;
	json_t *net;
	int result;
	size_t i;

	if (!json_array_size(nets)) {
		fputs("nothing is up\n", f);
		return 0;
	}
	t = table_create(columns, sizeof(columns) / sizeof(*columns));
	if (!t)
		return -1;
	json_array_foreach (nets, i, net) {
		add_row(t, net);
	}
	result = table_print(t, f, table_style_of(f), 0);
	table_destroy(t);
	return result;
}

int net_show(const char *name, bool json, FILE *f)
{
	json_t *document = plumbing_list();
	int result;

	if (!document)
		return -1;
	select_net(document, name);
	if (name && !json_array_size(json_object_get(document, "nets")))
		result = err_set("there is no net %s: \"strata net show\" lists them", name);
	else if (json)
		result = json_dumpf(document, f, JSON_INDENT(1)) || fputc('\n', f) == EOF
				 ? err_errno("write the document")
				 : 0;
	else
		result = print_table(document, f);
	json_decref(document);
	return result;
}

void net_use(char *text, size_t bytes, const char *name)
{
	json_t *document = plumbing_list();

	select_net(document, name);
	use_of(text, bytes, json_array_get(json_object_get(document, "nets"), 0));
	json_decref(document);
}
