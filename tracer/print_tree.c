/*
 * The tree of a request, for people: who asked whom, and who was late.
 */
#include "tracer/print.h"

#include <string.h>

#include "lib/units.h"
#include "tracer/tree.h"

/* Columns, in order: at, took and its own time 9 each, server, what it was asked for. */
enum { TIME_WIDTH = 9, SERVER_WIDTH = 24, TEXT_BYTES = 160 };

static void server(const struct model *m, const struct tree_node *node, FILE *f,
		   struct table_style style)
{
	const char *name = model_vm_name(m, node->r->vm);
	char text[64];

	snprintf(text, sizeof(text), "%*s%s%s", node->depth ? 2 * (int)node->depth - 2 : 0, "",
		 !node->depth ? ""
		 : style.utf8 ? "└ "
			      : "` ",
		 name ? name : "not traced");
	table_pad(f, style, text, SERVER_WIDTH, false);
}

static void row(const struct model *m, const struct tree_node *node, bool late, FILE *f,
		struct table_style style)
{
	const struct http_request *h = &node->r->http;
	char text[TEXT_BYTES];

	table_pad(f, style, units_ns(node->at_ns, style.utf8).s, TIME_WIDTH, true);
	fputc(' ', f);
	table_pad(f, style, units_ns(node->r->end_to_end_ns, style.utf8).s, TIME_WIDTH, true);
	fprintf(f, " %s", late ? table_on(style, COLOUR_BOLD) : "");
	table_pad(f, style, units_ns(node->own_ns, style.utf8).s, TIME_WIDTH, true);
	fprintf(f, "%s  ", late ? table_off(style) : "");
	server(m, node, f, style);
	if (h->protocol == PROTOCOL_HTTP)
		snprintf(text, sizeof(text), "%s %s", h->method, h->path);
	else
		snprintf(text, sizeof(text), "a request of %s",
			 units_bytes(h->request_bytes).s);
	table_pad(f, style, text, PRINT_COLUMNS - 3 * TIME_WIDTH - 4 - SERVER_WIDTH, false);
	fputc('\n', f);
}

static void who_was_late(const struct model *m, const struct tree_node *nodes, size_t n,
			 size_t late, FILE *f, struct table_style style)
{
	const struct request_cause *c = tree_cause(nodes, n, late);
	const char *name = model_vm_name(m, nodes[late].r->vm);
	char text[2 * TEXT_BYTES], cause[TEXT_BYTES];
	size_t used;

	used = (size_t)snprintf(text, sizeof(text), "Longest in the hands of %s: %s of %s",
				name ? name : "a server that is not traced",
				units_ns(nodes[late].own_ns, style.utf8).s,
				units_ns(nodes[0].r->end_to_end_ns, style.utf8).s);
	if (c && used < sizeof(text)) {
		cause_text(&m->actors, c, cause, sizeof(cause));
		snprintf(text + used, sizeof(text) - used, "; there, %s in the layer %s: %s",
			 units_ns(c->ns, style.utf8).s, layer_name((enum strata_layer)c->layer),
			 cause);
	}
	print_paragraph(f, text, 0, PRINT_COLUMNS);
}

void print_tree(const struct model *m, const struct request *r, FILE *f,
		struct table_style style)
{
	struct tree_node nodes[TREE_MAX];
	size_t n = tree_of(m, tree_root(m, r), nodes), late = 0;

	if (n < 2)
		return;
	for (size_t i = 1; i < n; i++)
		if (nodes[i].own_ns > nodes[late].own_ns)
			late = i;
	fprintf(f, "\n%sIts tree: what servers asked each other for%s\n\n",
		table_on(style, COLOUR_BOLD), table_off(style));
	fprintf(f, "%s%*s %*s %*s  %-*s%s%s\n", table_on(style, COLOUR_BOLD), TIME_WIDTH, "at",
		TIME_WIDTH, "took", TIME_WIDTH, "its own", SERVER_WIDTH, "server", "asked for",
		table_off(style));
	for (size_t i = 0; i < n; i++)
		row(m, &nodes[i], i == late, f, style);
	who_was_late(m, nodes, n, late, f, style);
}
