/* Unit tests of the doctor: what it concludes from findings, and how it says so. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "scenarios/doctor/report.h"
#include "scenarios/doctor/verdict.h"

static void all_ok(struct finding findings[CHECK_COUNT])
{
	memset(findings, 0, CHECK_COUNT * sizeof(findings[0]));
	for (int i = 0; i < CHECK_COUNT; i++)
		found(&findings[i], STATE_OK, "fine");
}

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < CHECK_COUNT; i++) {
		assert_non_null(checks[i].name);
		assert_non_null(checks[i].purpose);
		assert_non_null(checks[i].look);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(checks[i].name, checks[j].name);
	}
}

/* Whatever is needed for a job, and is not there, moves that job. */
static void test_each_need(void **state)
{
	struct finding findings[CHECK_COUNT];

	(void)state;
	for (int i = 0; i < CHECK_COUNT; i++) {
		for (int s = STATE_OK; s < STATE_COUNT; s++) {
			bool vm = s != STATE_OK && (checks[i].needed & NEED_VM);
			bool trace = s != STATE_OK && (checks[i].needed & NEED_TRACE);
			bool testbed = s != STATE_OK && (checks[i].needed & NEED_TESTBED);
			struct verdict v;

			all_ok(findings);
			found(&findings[i], s, "the detail");
			v = doctor_verdict(findings, NEED_VM);
			assert_int_equal(v.where, !vm       ? WHERE_HERE
						  : testbed ? WHERE_NO
							    : WHERE_TESTBED);
			if (vm)
				assert_non_null(strstr(v.why, "the detail"));
			v = doctor_verdict(findings, NEED_TRACE);
			assert_int_equal(v.where, trace ? WHERE_TESTBED : WHERE_HERE);
		}
	}
}

static void test_verdicts(void **state)
{
	struct finding findings[CHECK_COUNT];
	struct verdict v;

	(void)state;
	all_ok(findings);
	found(&findings[CHECK_KVM_SPEED], STATE_SLOW, "interprets");
	v = doctor_verdict(findings, NEED_VM);
	assert_int_equal(v.where, WHERE_TESTBED);
	assert_non_null(strstr(v.why, "kvm speed: interprets"));
	assert_int_equal(doctor_verdict(findings, NEED_TRACE).where, WHERE_HERE);

	found(&findings[CHECK_QEMU], STATE_MISSING, "no QEMU");
	v = doctor_verdict(findings, NEED_VM);
	assert_int_equal(v.where, WHERE_NO);
	assert_non_null(strstr(v.why, "interprets"));
	assert_non_null(strstr(v.why, "no QEMU"));
}

/* Without rights, nothing else is worth saying: most of it follows. */
static void test_rights_come_first(void **state)
{
	struct finding findings[CHECK_COUNT];
	struct verdict v;

	(void)state;
	all_ok(findings);
	found(&findings[CHECK_PRIVILEGES], STATE_DENIED, "not root");
	found(&findings[CHECK_KVM_SPEED], STATE_MISSING, "not measured");
	v = doctor_verdict(findings, NEED_VM);
	assert_non_null(strstr(v.why, "not root"));
}

static void test_errno(void **state)
{
	struct finding f = {0};

	(void)state;
	found_errno(&f, ENOENT, "/dev/x");
	assert_int_equal(f.state, STATE_MISSING);
	assert_string_equal(f.detail, "/dev/x: No such file or directory");
	found_errno(&f, 524, "loading it");
	assert_int_equal(f.state, STATE_MISSING);
	assert_string_equal(f.detail, "loading it: refused by this kernel");
}

static void test_report(void **state)
{
	struct finding findings[CHECK_COUNT];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	all_ok(findings);
	found(&findings[CHECK_VHOST], STATE_MISSING, "no vhost");
	remedy(&findings[CHECK_VHOST], "the same remedy");
	found(&findings[CHECK_VFIO], STATE_MISSING, "no vfio");
	remedy(&findings[CHECK_VFIO], "the same remedy");
	assert_int_equal(report_table(findings, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "no vhost"));
	assert_non_null(
		strstr(text, "- vhost-net (no vhost), vfio (no vfio): the same remedy\n"));
	free(text);
}

static void test_json(void **state)
{
	struct finding findings[CHECK_COUNT];
	const char *run, *remedy_text, *first;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	json_t *doc;

	(void)state;
	all_ok(findings);
	found(&findings[CHECK_KERNEL], STATE_MISSING, "old \"quoted\"");
	remedy(&findings[CHECK_KERNEL], "a newer one");
	assert_int_equal(report_json(findings, out), 0);
	fclose(out);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(json_unpack(doc, "{s:{s:s}, s:[{s:s, s:s}]}", "trace", "run", &run,
				     "checks", "detail", &first, "remedy", &remedy_text),
			 0);
	assert_string_equal(run, "testbed");
	assert_string_equal(first, "old \"quoted\"");
	assert_string_equal(remedy_text, "a newer one");
	assert_int_equal(json_array_size(json_object_get(doc, "checks")), CHECK_COUNT);
	json_decref(doc);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_each_need),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_rights_come_first),
		cmocka_unit_test(test_errno),    cmocka_unit_test(test_report),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
