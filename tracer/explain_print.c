/* An explanation in sentences: see explain.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/exits.h"
#include "lib/table.h"
#include "lib/units.h"
#include "tracer/explain.h"
#include "tracer/print.h"

struct writer {
	FILE *f;
	struct table_style style;
	int columns;
	const struct model *m;
	const struct explanation *e;
	char text[2048];
	size_t length;
};

static const char *layer_noun(const struct writer *w, enum strata_layer layer)
{
	static const char *const nouns[LAYER_COUNT] = {
		[LAYER_EXTERNAL] = "the client and the wire",
		[LAYER_HOST] = "the host",
		[LAYER_HYPERVISOR] = "the hypervisor",
		[LAYER_VM] = "the guest's kernel",
		[LAYER_SERVICE] = "the service",
	};

	if (place_is_vm(w->m->place))
		return nouns[layer];
	return layer == LAYER_VM           ? "the server's kernel"
	       : layer == LAYER_HYPERVISOR ? "the vSwitch"
					   : nouns[layer];
}

/* Where the slow ones took less time elsewhere, more than all of the difference is in one
 * place.
 */
static double percent(double share)
{
	return share < 1 ? 100 * share : 100;
}

static struct units_text ns(const struct writer *w, double value)
{
	return units_ns(value > 0 ? (uint64_t)(value + 0.5) : 0, w->style.utf8);
}

/* Add to the paragraph. */
static void say(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text + w->length, sizeof(w->text) - w->length, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->length += (size_t)n;
	if (w->length >= sizeof(w->text))
		w->length = sizeof(w->text) - 1;
}

static void end_paragraph(struct writer *w, int indent)
{
	print_paragraph(w->f, w->text, indent, w->columns);
	w->length = 0;
	w->text[0] = '\0';
}

static void say_rival(struct writer *w, const struct finding *f)
{
	char who[400];

	if (!f->actor)
		return;
	actor_text(&w->m->actors.at[f->actor], who, sizeof(who));
	say(w, " For longest, %s ran instead.", who);
}

static void say_detail(struct writer *w, const struct finding *f)
{
	if (f->cause == CAUSE_EXIT)
		say(w, " Most of it: exits of kind \"%s\".",
		    exit_kind_name((enum exit_kind)f->detail));
	if (f->cause == CAUSE_CPU || f->cause == CAUSE_QUOTA || f->cause == CAUSE_WAKE)
		say(w, " The thread was %s.", off_task_name((enum off_task)f->detail));
	if (f->cause == CAUSE_CPU)
		say_rival(w, f);
}

/* "hypervisor, at port.queue (queueing discipline): the frame stood in ..." */
static void say_where(struct writer *w, const struct finding *f)
{
	const struct hop_info *hop = &hop_table[f->hop];

	if (f->unattributed)
		say(w,
		    "between %s and the next hop of its layer or another, where a hop is missing: ",
		    hop->name);
	else
		say(w, "in %s, %s%s (%s): ", layer_noun(w, f->layer),
		    f->hop_share > 0.95 ? "at " : "mostly at ", hop->name, hop->title);
}

static void say_why(struct writer *w, const struct finding *f)
{
	if (f->unattributed)
		say(w, "whose time that is nobody knows.");
	else if (f->cause == CAUSE_COUNT)
		say(w, "why, nothing that was recorded says.");
	else
		say(w, "%s.", cause_table[f->cause].sentence);
}

static void say_examples(struct writer *w, const struct finding *f)
{
	for (int i = 0; i < EXPLAIN_EXAMPLES && f->examples[i]; i++) {
		const struct request *r = f->examples[i];

		say(w, "%s%llu", i ? ", " : "Requests: ", (unsigned long long)r->number);
		if (r->http.method[0])
			say(w, " (%s %.40s", r->http.method, r->http.path);
		else
			say(w, " (%s", "no HTTP");
		say(w, ", %s of %s)", ns(w, (double)f->examples_ns[i]).s,
		    ns(w, (double)r->end_to_end_ns).s);
	}
	if (f->examples[0])
		say(w, ".");
}

static void finding(struct writer *w, const struct finding *f)
{
	const struct explanation *e = w->e;

	say(w, "%.0f %% of it, %s, passed ", percent(f->share), ns(w, f->more_ns).s);
	say_where(w, f);
	say_why(w, f);
	say_detail(w, f);
	fputs(table_on(w->style, COLOUR_BOLD), w->f);
	end_paragraph(w, 2);
	fputs(table_off(w->style), w->f);
	say(w,
	    "Evidence: median %s in the slow requests, %s usually; more than in 19 of 20 usual "
	    "ones in %u of the %zu slow ones; by chance with p %s %.3g.",
	    ns(w, (double)f->slow_p50_ns).s, ns(w, (double)f->usual_p50_ns).s, f->in_slow,
	    e->slow, f->p < 0.001 ? "<" : "=", f->p < 0.001 ? 0.001 : f->p);
	end_paragraph(w, 4);
	say_examples(w, f);
	end_paragraph(w, 4);
	if (f->cause < CAUSE_COUNT) {
		say(w, "%s", cause_table[f->cause].text);
		end_paragraph(w, 4);
	}
	fputc('\n', w->f);
}

static void findings(struct writer *w)
{
	const struct explanation *e = w->e;
	double rest = 1;

	for (size_t i = 0; i < e->finding_count; i++) {
		if (!e->findings[i].blamed)
			continue;
		finding(w, &e->findings[i]);
		rest -= e->findings[i].share;
	}
	if (rest < 0.01 || e->verdict == EXPLAIN_UNKNOWN)
		return;
	say(w, "The other %.0f %% are here and there, %s.", percent(rest),
	    e->blamed_share > 0 ? "nowhere a tenth of the difference that chance could not be"
				: "and nowhere more than chance could do");
	end_paragraph(w, 2);
	fputc('\n', w->f);
}

static void say_usual(struct writer *w, const struct finding *f, const char *between)
{
	say(w, "%s%.0f %% %s", between, percent(f->usual_ns / w->e->usual_ns),
	    layer_noun(w, f->layer));
	if (f->unattributed)
		say(w, " or another, at %s: a hop is missing", hop_table[f->hop].name);
	else if (f->cause == CAUSE_COUNT)
		say(w, ", at %s", hop_table[f->hop].name);
	else
		say(w, ", %s, %s %s", cause_table[f->cause].note,
		    f->hop_share > 0.95 ? "at" : "mostly at", hop_table[f->hop].name);
}

/* What all requests spend, slow or not. */
static void usually(struct writer *w)
{
	say(w, "A usual request's %s: ", ns(w, w->e->usual_ns).s);
	for (size_t i = 0; i < w->e->usually_count; i++)
		say_usual(w, &w->e->usually[i], i ? "; " : "");
	say(w, "%s", w->e->usually_count ? "." : "nowhere as much as a twentieth.");
	end_paragraph(w, 0);
}

static void verdict(struct writer *w)
{
	const struct explanation *e = w->e;

	switch (e->verdict) {
	case EXPLAIN_TOO_FEW:
		say(w,
		    "Don't know: %zu requests were measured, and fewer than %d are no evidence.",
		    e->requests, EXPLAIN_REQUESTS_MIN);
		break;
	case EXPLAIN_EVEN:
		say(w,
		    "No request is slow beside the others: the slowest %zu took %.1f times as long as "
		    "the middle half. What makes all of them slow, if they are, is below.",
		    e->slow, e->slow_ns / e->usual_ns);
		break;
	case EXPLAIN_KNOWN:
		say(w, "The causes of %.0f %% of that are known:", percent(e->known_share));
		break;
	case EXPLAIN_WHERE:
		say(w,
		    "Don't know why, but where: %.0f %% of that passed in places of which nothing "
		    "that was recorded says what happened there.",
		    percent(e->blamed_share - e->known_share));
		break;
	case EXPLAIN_UNKNOWN:
		say(w,
		    "Don't know: no part of the path has so much of that, in so many of them, that it "
		    "could be blamed.");
		break;
	}
	fputs(table_on(w->style, COLOUR_BOLD), w->f);
	end_paragraph(w, 0);
	fputs(table_off(w->style), w->f);
	fputc('\n', w->f);
}

/* What makes all of this less certain. */
static void doubts(struct writer *w)
{
	const struct model *m = w->m;

	if (!m->causes_told)
		say(w,
		    "Whoever recorded this did not follow the tasks: waits for a CPU, and what the service "
		    "slept for, are not known. ");
	if (model_lost(m))
		say(w, "%s events were lost: what is missing may have been the cause. ",
		    units_count(model_lost(m)).s);
	if (m->violations)
		say(w,
		    "%s pairs of hops are in the wrong order: the clocks cannot be trusted. ",
		    units_count(m->violations).s);
	if (w->length) {
		fputc('\n', w->f);
		end_paragraph(w, 0);
	}
}

int explain_print(const struct model *m, const struct explanation *e, const char *name, FILE *f,
		  struct table_style style, int columns)
{
	struct writer w = {.f = f, .style = style, .columns = columns, .m = m, .e = e};

	say(&w, "%s: %s requests measured", name, units_count(m->measured).s);
	if (m->measured > e->requests)
		say(&w, ", %zu of them looked at", e->requests);
	say(&w, ", %s, from %s to %s.", m->mode[0] ? m->mode : place_name(m->place),
	    hop_table[m->first].name, hop_table[m->last].name);
	end_paragraph(&w, 0);
	if (e->slow) {
		say(&w, "Half of them took %s or less; 99 %% took %s or less. ",
		    ns(&w, (double)e->p50_ns).s, ns(&w, (double)e->p99_ns).s);
		say(&w, "The slowest %zu took %s on average, the middle half %s: ", e->slow,
		    ns(&w, e->slow_ns).s, ns(&w, e->usual_ns).s);
		say(&w, "%s longer.", ns(&w, e->more_ns).s);
		end_paragraph(&w, 0);
	}
	fputc('\n', f);
	verdict(&w);
	if (e->slow && e->verdict != EXPLAIN_EVEN)
		findings(&w);
	if (e->slow)
		usually(&w);
	doubts(&w);
	return fflush(f) || ferror(f) ? err_errno("write the explanation") : 0;
}
