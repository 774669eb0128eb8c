/* Each vCPU and each virtqueue by itself: part of what the view of the VM says. */
#include <math.h>
#include <stdio.h>

#include "lib/units.h"
#include "tracer/vm_vitals.h"
#include "tui/lines.h"

#define COLUMN_BYTES 16

/* How a figure is told: so often a second, as a part of the time, as a part of another. */
enum told_as { PER_SECOND, PART_OF_TIME, PART_OF_HALTS };

static const struct {
	const char *title;
	enum vcpu_figure figure;
	enum told_as as;
} columns[] = {
	{"exits/s", VCPU_EXITS, PER_SECOND},    {"halts/s", VCPU_HALTS, PER_SECOND},
	{"polled", VCPU_POLLED, PART_OF_HALTS}, {"halted", VCPU_HALTED, PART_OF_TIME},
	{"ran", VCPU_RAN, PART_OF_TIME},        {"waited", VCPU_WAITED, PART_OF_TIME},
	{"outside", VCPU_OUT, PART_OF_TIME},    {"stolen", VCPU_STOLEN, PART_OF_TIME},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void figure_text(const struct model_vcpu *v, size_t column, bool latest,
			char text[COLUMN_BYTES])
{
	enum vcpu_figure figure = columns[column].figure;
	enum told_as as = columns[column].as;
	double n = as == PART_OF_HALTS
			   ? vcpu_sum(v, figure, latest) / vcpu_sum(v, VCPU_HALTS, latest)
			   : vcpu_rate(v, figure, latest);

	if (!v->told[figure] || (isnan(n) && as != PART_OF_HALTS))
		snprintf(text, COLUMN_BYTES, "no data");
	else if (isnan(n)) /* there was none */
		snprintf(text, COLUMN_BYTES, "-");
	else if (as == PER_SECOND)
		snprintf(text, COLUMN_BYTES, "%.0f", n);
	else
		snprintf(text, COLUMN_BYTES, "%.1f %%", 100 * n);
}

static void vcpu_line(const struct model_vcpu *v, bool latest, struct lines *l)
{
	char line[LINE_BYTES];
	int at = snprintf(line, sizeof(line), "VM %-2u %-5u", v->vm, v->index);

	for (size_t i = 0; i < COLUMNS; i++) {
		char text[COLUMN_BYTES];

		figure_text(v, i, latest, text);
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %7s", text);
	}
	lines_add(l, STYLE_TEXT, "%s", line);
}

static void vcpus(const struct vm_vitals *v, bool live, struct lines *l)
{
	double seconds = v->vcpus ? vcpu_seconds(&v->vcpu[0], live) : 0;
	char line[LINE_BYTES];
	int at = snprintf(line, sizeof(line), "%-11s", "each vCPU");

	for (size_t i = 0; i < COLUMNS; i++)
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %7s", columns[i].title);
	lines_add(l, STYLE_STRONG, "%s", line);
	for (size_t i = 0; i < v->vcpus; i++)
		vcpu_line(&v->vcpu[i], live, l);
	if (!v->vcpus)
		lines_add(l, STYLE_DIM, "%-11s %7s", "", "no data");
	else if (seconds > 0)
		lines_add(l, STYLE_DIM,
			  "%s %.1f s; polled: of its halts, those that ended while KVM polled",
			  live ? "the last" : "over", seconds);
}

static void queues(struct vm_vitals *v, struct lines *l)
{
	lines_add(l, STYLE_STRONG, "%-27s %8s %8s %8s %8s", "buffers in virtqueues", "now",
		  "p50", "max", "room for");
	if (!v->queues)
		lines_add(l, STYLE_DIM, "%-27s %8s", "", "no data");
	for (size_t i = 0; i < v->queues; i++) {
		struct model_queue *q = &v->queue[i];
		char name[32], line[64];

		queue_name(q, name, sizeof(name));
		snprintf(line, sizeof(line), "VM %u, device %u: %s", q->vm, q->device, name);
		lines_add(l, STYLE_TEXT, "%-27s %8llu %8llu %8llu %8u", line,
			  (unsigned long long)q->now,
			  (unsigned long long)quantile_at(&q->waiting, 0.5),
			  (unsigned long long)q->waiting.max, q->size);
	}
	if (v->queues)
		lines_add(l, STYLE_DIM,
			  "in: free for frames to come; out, disk: waiting to be served");
}

void vcpu_lines(struct vm_vitals *v, bool live, struct lines *l)
{
	vcpus(v, live, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	queues(v, l);
}
