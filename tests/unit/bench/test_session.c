/* What a session is to do, and that its document says all of it: options, names, samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/suite/document.h"
#include "bench/suite/group.h"
#include "bench/suite/markdown.h"
#include "bench/suite/options.h"
#include "lib/err.h"

static volatile bool stop;

static int parse(struct bench_options *o, const char *line)
{
	static char words[256];
	char *argv[32] = {"strata-bench"}, *save = NULL;
	int argc = 1, result, err = dup(2);

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	assert_non_null(freopen("/dev/null", "w", stderr));
	optind = 0;
	result = bench_options_parse(o, argc, argv);
	fflush(stderr);
	dup2(err, 2);
	close(err);
	return result;
}

static void options(void **state)
{
	struct bench_options o;

	(void)state;
	assert_int_equal(parse(&o, "--quick"), 0);
	assert_int_equal(o.session.runs, 10);
	assert_int_equal(parse(&o, "--runs 6 --seed 0x10 --delay exit.msr=2us --tune"), 0);
	assert_int_equal(o.session.runs, 6);
	assert_int_equal(o.session.seed, 16);
	assert_int_equal(o.session.delay_ns, 2000);
	assert_string_equal(o.session.delay_name, "exit.msr");
	assert_true(o.tune);
	assert_int_equal(parse(&o, "--resume x.json"), 0);
	assert_string_equal(o.output, "x.json");
}

static void options_refused(void **state)
{
	static const char *const lines[] = {
		"--runs 0",           "--runs 7",           "--runs 202",
		"--runs x",           "--boots 0",          "--boots 101",
		"--resume x --peers", "--seed -1",          "--delay exit.msr",
		"--delay a=x",        "--resume x --quick", "--resume x exit.msr",
		"--turns 0",          "--turns 33",         "--resume x --turns 2",
		"--nothing",
	};
	struct bench_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (parse(&o, lines[i]) != -1)
			fail_msg("%s is taken", lines[i]);
}

static struct session_options some(char **names, int count)
{
	return (struct session_options){.runs = 4,
					.boots = 2,
					.seed = 9,
					.limits = session_limits(true),
					.names = names,
					.name_count = count};
}

static void names_are_globs(void **state)
{
	char *names[] = {"tlb.*", "ipi"}, *none[] = {"exit"};
	struct session_options o = some(names, 2);
	struct session s;

	(void)state;
	assert_int_equal(session_plan(&s, &o, &stop), 0);
	assert_int_equal(s.tasks, 5);
	session_free(&s);
	o = some(none, 1);
	assert_int_equal(session_plan(&s, &o, &stop), -1);
	o = some(NULL, 0);
	o.subjects = "qemu-q35:virtio"; /* is a peer */
	assert_int_equal(session_plan(&s, &o, &stop), -1);
	o.peers = true;
	assert_int_equal(session_plan(&s, &o, &stop), 0);
	assert_string_equal(s.task[0].subject->monitor, "qemu-q35");
	session_free(&s);
	o.peers = false;
	o.subjects = "bare,strata:none";
	assert_int_equal(session_plan(&s, &o, &stop), 0);
	assert_int_equal(session_rounds(&s, s.task[0].subject), 4);
	assert_int_equal(session_rounds(&s, s.task[s.tasks - 1].subject), 2);
	session_free(&s);
	o.subjects = "nowhere";
	assert_int_equal(session_plan(&s, &o, &stop), -1);
	o.subjects = NULL;
	o.delay_name = "ipi";
	assert_int_equal(session_plan(&s, &o, &stop), -1);
}

static void half_are_twins_and_the_seed_says_which(void **state)
{
	struct session_options o = some(NULL, 0);
	struct session a, b;
	unsigned int twins = 0, differ = 0;

	(void)state;
	assert_int_equal(session_plan(&a, &o, &stop), 0);
	assert_int_equal(session_plan(&b, &o, &stop), 0);
	assert_memory_equal(a.twin, b.twin, sizeof(a.twin));
	session_free(&b);
	o.seed = 10;
	assert_int_equal(session_plan(&b, &o, &stop), 0);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		twins += a.twin[i];
		differ += a.twin[i] != b.twin[i];
	}
	assert_int_equal(twins, ROUNDS_MAX / 2);
	assert_true(differ > 0);
	session_free(&a);
	session_free(&b);
}

/* ---- systems that are up at the same time ---- */

#define SYSTEMS 3
#define TURNS   5

static struct {
	unsigned int up, most_up, calls, fails_at;
	unsigned int turns[SYSTEMS];
	unsigned int last, repeats; /* how often one was asked twice without the others */
} seen;

static int fake_up(const struct subject *subject, struct bench_context *c)
{
	(void)subject;
	assert_int_equal(c->place, seen.up);
	assert_true(c->abreast);
	seen.up++;
	seen.most_up = seen.up > seen.most_up ? seen.up : seen.most_up;
	return 0;
}

static void fake_down(const struct subject *subject, struct bench_context *c)
{
	(void)subject;
	(void)c;
	seen.up--;
}

/* The n-th turn of place p gives 100 p + n, but for one that is far out. */
static int fake_run(struct bench_context *c, double figure[FIGURES_MAX])
{
	unsigned int turn = ++seen.turns[c->place];

	assert_int_equal(seen.up, SYSTEMS);
	seen.repeats += seen.calls++ % SYSTEMS && seen.last == c->place;
	seen.last = c->place;
	if (seen.calls == seen.fails_at)
		return err_set("it fell");
	figure[0] = turn == 1 ? 1e6 : 100 * c->place + turn;
	return 0;
}

static const struct bench fake_bench = {
	.name = "fake", .unit = "ns", .run = fake_run, .shows = "", .source = ""};

static void run_group(struct session *s, struct task task[SYSTEMS], unsigned int round)
{
	static const struct subject fakes[SYSTEMS] = {
		{.name = "a", .up = fake_up, .down = fake_down},
		{.name = "b", .up = fake_up, .down = fake_down},
		{.name = "c", .up = fake_up, .down = fake_down},
	};
	const struct subject *list[] = {&fakes[0], &fakes[1], &fakes[2]};
	struct random r;

	for (int i = 0; i < SYSTEMS; i++) {
		task[i] = (struct task){.bench = &fake_bench, .subject = &fakes[i]};
		for (int k = 0; k < ROUNDS_MAX; k++)
			task[i].value[0][k] = NAN;
	}
	memset(&seen, 0, sizeof(seen));
	seen.fails_at = round ? 5 : 0;
	random_seed(&r, 1);
	s->task = task;
	s->tasks = SYSTEMS;
	group_visit(s, list, SYSTEMS, round, &r);
	assert_int_equal(seen.up, 0);
}

static void a_group_is_measured_by_turns(void **state)
{
	const struct session_options o = {.turns = TURNS};
	static struct task task[SYSTEMS];
	struct session s = {.options = &o, .stop = &stop};
	unsigned int without = 0;

	(void)state;
	run_group(&s, task, 0);
	assert_int_equal(seen.most_up, SYSTEMS);
	assert_int_equal(seen.calls, SYSTEMS * TURNS);
	assert_int_equal(seen.repeats, 0);
	for (int i = 0; i < SYSTEMS; i++)
		assert_true(task[i].value[0][0] == 100 * i + 4); /* the median of 1e6, 2..5 */
	assert_true(isnan(task[0].value[0][1]));

	/* one turn fails: that system has no sample of this round, the others have */
	run_group(&s, task, 1);
	for (int i = 0; i < SYSTEMS; i++) {
		without += isnan(task[i].value[0][1]);
		assert_int_equal(isnan(task[i].value[0][1]), *task[i].failed != 0);
	}
	assert_int_equal(without, 1);
	assert_true(seen.calls < SYSTEMS * TURNS);
}

/* ---- documents ---- */

static void fill(struct session *s)
{
	for (size_t i = 0; i < s->tasks; i++) {
		s->task[i].value[0][0] = 100.5 + (double)i;
		s->task[i].value[0][3] = 200.25;
		s->task[i].iterations = 64 + i;
	}
	snprintf(s->task[0].skipped, sizeof(s->task[0].skipped), "it is not there");
}

static json_t *environment_of(const char *kernel)
{
	return json_pack("{s:s,s:s}", "kernel", kernel, "cpu", "a | b");
}

static void a_document_is_taken_up_again(void **state)
{
	char *names[] = {"exit.*"}, **again, path[] = "/tmp/strata-bench-XXXXXX";
	struct session_options o = some(names, 1), read;
	json_t *environment = environment_of("6.1"), *document;
	struct session s, t;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(session_plan(&s, &o, &stop), 0);
	fill(&s);
	document = document_make(&s, environment);
	assert_non_null(document);
	assert_int_equal(document_write(document, path), 0);
	json_decref(document);

	document = document_read(path);
	assert_non_null(document);
	assert_int_equal(document_options(document, &read, &again), 0);
	assert_int_equal(read.runs, 4);
	assert_int_equal(read.boots, 2);
	assert_int_equal(read.turns, 0);
	assert_int_equal(read.seed, 9);
	assert_int_equal(read.limits.batches, o.limits.batches);
	assert_int_equal(read.limits.batch_ns, o.limits.batch_ns);
	assert_int_equal(read.limits.events, o.limits.events);
	assert_int_equal(read.limits.seconds, o.limits.seconds);
	assert_int_equal(session_plan(&t, &read, &stop), 0);
	assert_int_equal(t.tasks, s.tasks);
	assert_int_equal(document_resume(document, &t, environment), 0);
	assert_true(t.task[1].value[0][0] == 101.5 && t.task[1].value[0][3] == 200.25);
	assert_true(isnan(t.task[1].value[0][1]));
	assert_int_equal(t.task[1].iterations, 65);
	assert_string_equal(t.task[0].skipped, "it is not there");
	session_free(&t);
	json_decref(environment);

	/* samples of another kernel do not belong to them */
	environment = environment_of("6.2");
	assert_int_equal(session_plan(&t, &read, &stop), 0);
	assert_int_equal(document_resume(document, &t, environment), -1);
	assert_non_null(strstr(err_text(), "kernel"));
	session_free(&t);
	session_free(&s);
	json_decref(environment);
	json_decref(document);
	free(again);
	unlink(path);
}

/* Of machines that are measured side by side, no half of a pair is kept. */
static void half_a_pair_is_taken_anew(void **state)
{
	char *names[] = {"nginx.rps"};
	struct session_options o = some(names, 1);
	json_t *environment = environment_of("6.1"), *document;
	struct session s, t;

	(void)state;
	o.peers = true;
	o.subjects = "strata:virtio,qemu-q35:virtio,strata:vhost";
	for (o.turns = 0; o.turns < 4; o.turns += 2) {
		assert_int_equal(session_plan(&s, &o, &stop), 0);
		assert_int_equal(s.tasks, 3);
		for (size_t i = 0; i < 3; i++)
			s.task[i].value[0][0] = s.task[i].value[0][1] = 7;
		for (size_t i = 0; i < 3; i++)
			if (!strcmp(s.task[i].subject->monitor, "qemu-q35"))
				s.task[i].value[0][1] = NAN;
		document = document_make(&s, environment);
		assert_int_equal(session_plan(&t, &o, &stop), 0);
		assert_int_equal(document_resume(document, &t, environment), 0);
		for (size_t i = 0; i < 3; i++) {
			bool lost = o.turns ? !strcmp(t.task[i].subject->name, "virtio")
					    : isnan(s.task[i].value[0][1]);

			assert_true(t.task[i].value[0][0] == 7);
			assert_int_equal(isnan(t.task[i].value[0][1]), lost);
		}
		json_decref(document);
		session_free(&s);
		session_free(&t);
	}
	json_decref(environment);
}

static void a_document_says_all(void **state)
{
	char *names[] = {"exit.*"}, *text = NULL;
	struct session_options o = some(names, 1);
	json_t *environment = environment_of("6.1"), *document, *first;
	struct session s;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	assert_int_equal(session_plan(&s, &o, &stop), 0);
	fill(&s);
	document = document_make(&s, environment);
	first = json_array_get(json_object_get(document, "results"), 1);
	assert_int_equal(json_integer_value(json_object_get(first, "n")), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "asked")), 4);
	assert_true(json_real_value(json_object_get(first, "median")) == 150.875);
	assert_int_equal(markdown_report(document, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "up to 2 samples each")); /* there are, of the 4 asked */
	assert_non_null(strstr(text, "| exit.cpuid | kvm | 151 ns |"));
	assert_non_null(strstr(text, "exit.hypercall, kvm: it is not there"));
	assert_non_null(strstr(text, "| cpu | a   b |"));
	session_free(&s);
	json_decref(document);
	json_decref(environment);
	free(text);
}

static void odd_documents_are_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"runs\": 1000000}",
		"{\"runs\": 4}",
		"{\"runs\": 4, \"boots\": 2, \"limits\": {\"batches\": 0}}",
		"{\"runs\": 4, \"boots\": 2, \"names\": [1], \"limits\": {\"batches\": 100000}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct session_options o;
		char **names = NULL;
		json_t *document = json_loads(texts[i], 0, NULL);

		assert_int_equal(document_options(document, &o, &names), -1);
		free(names);
		json_decref(document);
	}
}

static int load_subjects(void **state)
{
	static const struct subject_sources none;

	(void)state;
	return subjects_load(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(options_refused),
		cmocka_unit_test(names_are_globs),
		cmocka_unit_test(half_are_twins_and_the_seed_says_which),
		cmocka_unit_test(a_group_is_measured_by_turns),
		cmocka_unit_test(a_document_is_taken_up_again),
		cmocka_unit_test(half_a_pair_is_taken_anew),
		cmocka_unit_test(a_document_says_all),
		cmocka_unit_test(odd_documents_are_refused),
	};

	return cmocka_run_group_tests(tests, load_subjects, NULL);
}
