/* The findings as a table or as JSON: see report.h. */
#include "scenarios/doctor/report.h"

#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/table.h"
#include "scenarios/doctor/speed.h"
#include "scenarios/doctor/verdict.h"

static const enum table_colour colours[STATE_COUNT] = {
	[STATE_OK] = COLOUR_GREEN,
	[STATE_SLOW] = COLOUR_YELLOW,
	[STATE_MISSING] = COLOUR_RED,
	[STATE_DENIED] = COLOUR_YELLOW,
};

static size_t terminal_width(FILE *out)
{
	struct winsize size;

	return isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col
										 : 0;
}

static int print_findings(const struct finding findings[CHECK_COUNT], FILE *out,
			  struct table_style style)
{
	static const struct table_column columns[] = {
		{.header = "check"},
		{.header = "state"},
		{.header = "detail", .shrink = 24},
		{.header = "what it is for", .shrink = 12},
	};
	struct table *t = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	int ret;

	if (!t)
		return -1;
	for (int i = 0; i < CHECK_COUNT; i++) {
		enum state s = findings[i].state;

		table_cell(t, COLOUR_NONE, "%s", checks[i].name);
		table_cell(t, colours[s], "%s", state_name(s));
		table_cell(t, COLOUR_NONE, "%s", findings[i].detail);
		table_cell(t, COLOUR_DIM, "%s", checks[i].purpose);
	}
	ret = table_print(t, out, style, terminal_width(out));
	table_destroy(t);
	return ret;
}

/* Is it the first of those with the same remedy? */
static bool is_first(const struct finding findings[CHECK_COUNT], int index)
{
	for (int i = 0; i < index; i++)
		if (strcmp(findings[i].remedy, findings[index].remedy) == 0)
			return false;
	return true;
}

static void print_shortfall(const struct finding findings[CHECK_COUNT], int i, FILE *out)
{
	fputs(checks[i].name, out);
	if (findings[i].state != STATE_OK) /* in the table it may be cut to the terminal */
		fprintf(out, " (%s)", findings[i].detail);
}

/* Each remedy once, after all that it is for. */
static void print_remedies(const struct finding findings[CHECK_COUNT], FILE *out)
{
	bool any = false;

	for (int i = 0; i < CHECK_COUNT; i++) {
		if (!findings[i].remedy[0] || !is_first(findings, i))
			continue;
		fputs(any ? "- " : "\nWhat can be done:\n- ", out);
		any = true;
		print_shortfall(findings, i, out);
		for (int j = i + 1; j < CHECK_COUNT; j++) {
			if (strcmp(findings[j].remedy, findings[i].remedy) != 0)
				continue;
			fputs(", ", out);
			print_shortfall(findings, j, out);
		}
		fprintf(out, ": %s\n", findings[i].remedy);
	}
}

static void print_verdict(const struct finding findings[CHECK_COUNT], FILE *out,
			  struct table_style style, const char *job, enum need need)
{
	static const char *const runs[] = {
		[WHERE_HERE] = "on this machine",
		[WHERE_TESTBED] = "in the testbed machine",
		[WHERE_NO] = "nowhere",
	};
	struct verdict v = doctor_verdict(findings, need);

	fprintf(out, "%s%s runs %s%s (%s)\n", table_on(style, COLOUR_BOLD), job, runs[v.where],
		table_off(style), v.why);
}

int report_table(const struct finding findings[CHECK_COUNT], FILE *out)
{
	struct table_style style = table_style_of(out);

	if (print_findings(findings, out, style) < 0)
		return -1;
	print_remedies(findings, out);
	fputc('\n', out);
	print_verdict(findings, out, style, "The main job, one request through a VM, traced,",
		      NEED_VM);
	print_verdict(findings, out, style, "Tracing a container or a bare server", NEED_TRACE);
	return 0;
}

static json_t *verdict_json(const struct finding findings[CHECK_COUNT], enum need job)
{
	struct verdict v = doctor_verdict(findings, job);

	return json_pack("{s:s, s:s}", "run", where_name(v.where), "why", v.why);
}

static json_t *kvm_json(void)
{
	const struct speed *s = kvm_speed();

	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "verdict", speed_verdict_name(s->verdict),
			 "instructions_per_second",
			 s->measured ? json_real(s->guest_ips) : json_null(),
			 "native_instructions_per_second",
			 s->measured ? json_real(s->native_ips) : json_null(), "exit_ns",
			 s->exit_ns ? json_integer(s->exit_ns) : json_null(), "lacking",
			 s->lacking ? json_string(s->lacking) : json_null());
}

static json_t *needs_json(unsigned int needed)
{
	static const struct {
		enum need bit;
		const char *name;
	} names[] = {{NEED_VM, "vm"}, {NEED_TRACE, "trace"}, {NEED_TESTBED, "testbed"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (needed & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static json_t *checks_json(const struct finding findings[CHECK_COUNT])
{
	json_t *list = json_array();

	for (int i = 0; i < CHECK_COUNT; i++) {
		const struct finding *f = &findings[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name",
					checks[i].name, "state", state_name(f->state), "detail",
					f->detail, "purpose", checks[i].purpose, "needed_for",
					needs_json(checks[i].needed), "remedy",
					f->remedy[0] ? json_string(f->remedy) : json_null()));
	}
	return list;
}

int report_json(const struct finding findings[CHECK_COUNT], FILE *out)
{
	json_t *doc = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "schema", "strata.doctor/1",
				"verdict", verdict_json(findings, NEED_VM), "trace",
				verdict_json(findings, NEED_TRACE), "kvm", kvm_json(), "checks",
				checks_json(findings), "environment", environment_capture());
	int ret = doc ? json_dumpf(doc, out, JSON_INDENT(2) | JSON_REAL_PRECISION(4)) : -1;

	json_decref(doc);
	fputc('\n', out);
	return ret < 0 ? err_set("the findings cannot be written as JSON") : 0;
}
