/*
 * Uprobes, only as long as they are cheap. Each hit is a trap and a walk through the process's
 * file table, some microseconds: little beside a hundred requests a second, and more than all
 * other probes together beside tens of thousands. Then they are taken off, and the report says
 * so.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probes/internal.h"

#include "lib/now.h"
#include "probes/probes.skel.h"

#define LOOK_NS   50000000ULL
#define WINDOW_NS 1000000000ULL

/* Requests that a uprobe saw so far. */
static uint64_t requests_seen(const struct probes *p)
{
	int cpus = libbpf_num_possible_cpus();
	struct losses *l = cpus > 0 ? calloc((size_t)cpus, sizeof(*l)) : NULL;
	uint64_t seen = 0;
	__u32 zero = 0;

	if (l && !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.losses), &zero, l))
		for (int i = 0; i < cpus; i++)
			seen += l[i].uprobe_requests;
	free(l);
	return seen;
}

static void *destroy_links(void *arg)
{
	struct governor *g = arg;

	for (unsigned int i = 0; i < g->link_count; i++)
		bpf_link__destroy(g->links[i]);
	return NULL;
}

/* Detaching waits, up to a second, until no CPU can be in a uprobe: not with the rings unread.
 */
static void destroy_meanwhile(struct governor *g)
{
	g->destroying = !pthread_create(&g->thread, NULL, destroy_links, g);
	if (!g->destroying)
		destroy_links(g);
}

void governor_end(struct governor *g)
{
	if (g->destroying)
		pthread_join(g->thread, NULL);
	*g = (struct governor){0};
}

static void take_off(struct probes *p, uint64_t requests)
{
	struct governor *g = &p->governor;

	for (size_t i = 0; i < program_count && g->link_count < GOVERNED_MAX; i++) {
		struct program_state *st = &p->state[i];

		/* those on TLS mark no hop, but without them there would be no requests */
		if (programs[i].kind != PROGRAM_UPROBE || !programs[i].hops || !st->link)
			continue;
		g->links[g->link_count++] = st->link;
		st->link = NULL;
		st->taken_off = true;
		snprintf(st->why_not, sizeof(st->why_not),
			 "taken off after %llu requests within a second; the limit is %u",
			 (unsigned long long)requests, p->config.uprobe_limit);
	}
	g->done = true;
	destroy_meanwhile(g);
}

bool governor_exceeds(struct governor *g, uint64_t now, uint64_t requests, unsigned int limit)
{
	if (!g->began_ns || now - g->began_ns > WINDOW_NS) {
		g->began_ns = now;
		g->requests = requests;
	}
	return requests - g->requests > limit;
}

void governor_look(struct probes *p)
{
	struct governor *g = &p->governor;
	uint64_t now, requests;

	if (g->done || !p->config.uprobe_limit || !(p->needs & NEED_NGINX))
		return;
	now = now_ns();
	if (now - g->looked_ns < LOOK_NS)
		return;
	g->looked_ns = now;
	requests = requests_seen(p);
	if (governor_exceeds(g, now, requests, p->config.uprobe_limit))
		take_off(p, requests - g->requests);
}
