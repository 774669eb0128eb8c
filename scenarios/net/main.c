/*
 * strata net: the way from a virtual machine to the wire. See lib/plumbing.h.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing.h"
#include "scenarios/net/options.h"
#include "scenarios/net/show.h"

/* A signal waits until the step at hand is done, and is found there: what was made is undone.
 */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int up(const struct net_options *o)
{
	char use[128];

	if (plumbing_up(&o->net, stdout, o->dry_run))
		return -1;
	if (!o->dry_run) {
		net_use(use, sizeof(use), o->net.name);
		printf("# use it with: strata vmm %s\n", use);
	}
	return 0;
}

static int down_all(bool dry_run)
{
	json_t *document = plumbing_list(), *net;
	int result = document ? 0 : -1;
	size_t i;

	json_array_foreach (json_object_get(document, "nets"), i, net) {
		const char *name = json_string_value(json_object_get(net, "name"));

		if (!plumbing_down(name, stdout, dry_run))
			continue;
		err_add("%s", name);
		if (result) /* the last is left for main() */
			err_print("strata-net");
		result = -1;
	}
	json_decref(document);
	return result;
}

static int run(const struct net_options *o)
{
	switch (o->command) {
	case NET_UP:
		return up(o);
	case NET_DOWN:
		return o->net.name ? plumbing_down(o->net.name, stdout, o->dry_run)
				   : down_all(o->dry_run);
	default:
		return net_show(o->net.name, o->json, stdout);
	}
}

int main(int argc, char **argv)
{
	struct net_options o;
	int parsed = net_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	if (o.command != NET_SHOW && !o.dry_run && geteuid()) {
		fputs("strata-net: it needs root; --dry-run prints the commands for somebody "
		      "who is\n",
		      stderr);
		return EXIT_FAILED;
	}
	block_signals();
	if (run(&o) || fflush(stdout)) {
		err_print("strata-net");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
