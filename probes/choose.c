/*
 * Which programs are used: those that the configuration has a use for and the kernel has a
 * place for; of alternatives, the first rank that is complete.
 */
#include <stdio.h>
#include <string.h>

#include "probes/internal.h"
#include "probes/prologue.h"

static bool possible(struct probes *p, size_t i)
{
	const struct program *program = &programs[i];
	struct program_state *st = &p->state[i];

	if (st->failed)
		return false;
	if (program->kind == PROGRAM_FENTRY && p->config.no_fentry) {
		snprintf(st->why_not, sizeof(st->why_not), "not asked for");
		return false;
	}
	if ((program->kind == PROGRAM_UPROBE || program->kind == PROGRAM_URETPROBE) &&
	    st->wanted && prologue_of(p->config.nginx_path, program->target) < 0) {
		snprintf(st->why_not, sizeof(st->why_not), "the server has no function %s",
			 program->target);
		return false;
	}
	if ((program->kind == PROGRAM_TRACEPOINT || program->kind == PROGRAM_FENTRY) &&
	    !kernel_has(&p->kernel, program)) {
		snprintf(st->why_not, sizeof(st->why_not), "not in this kernel: needs %s",
			 program->option);
		return false;
	}
	return true;
}

/* Is everything of this rank there? A rank that nobody has is not. */
static bool rank_complete(struct probes *p, enum alternative a, unsigned int rank)
{
	bool any = false;

	for (size_t i = 0; i < program_count; i++) {
		if (programs[i].alternative != a || programs[i].rank != rank ||
		    !p->state[i].wanted)
			continue;
		if (!possible(p, i))
			return false;
		any = true;
	}
	return any;
}

/* The best complete rank; if there is none, the last, whose absence then is the error. */
static void choose_rank(struct probes *p, enum alternative a)
{
	unsigned int rank = 0, last = 0;

	for (size_t i = 0; i < program_count; i++)
		if (programs[i].alternative == a && programs[i].rank > last)
			last = programs[i].rank;
	while (rank < last && !rank_complete(p, a, rank))
		rank++;
	for (size_t i = 0; i < program_count; i++)
		if (programs[i].alternative == a)
			p->state[i].used = p->state[i].wanted && programs[i].rank == rank &&
					   possible(p, i);
	/* the others are not missed */
	for (size_t i = 0; i < program_count; i++)
		if (programs[i].alternative == a && programs[i].rank != rank)
			p->state[i].wanted = false;
}

void choose_programs(struct probes *p)
{
	for (size_t i = 0; i < program_count; i++) {
		p->state[i].wanted = (programs[i].needs & p->needs) == programs[i].needs;
		p->state[i].used = p->state[i].wanted && possible(p, i);
	}
	choose_rank(p, ALTERNATIVE_SEND);
}

bool choose_uses(const struct probes *p, const char *name)
{
	for (size_t i = 0; i < program_count; i++)
		if (!strcmp(programs[i].name, name))
			return p->state[i].used;
	return false;
}

void choose_refuse(struct probes *p, size_t program, const char *why)
{
	struct program_state *st = &p->state[program];

	st->failed = true;
	snprintf(st->why_not, sizeof(st->why_not), "%s", why);
}
