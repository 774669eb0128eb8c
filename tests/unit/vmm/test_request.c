/* Requests of the control socket that are wrong: each gets an error and a reason, on a machine
 * that is not even there. */
#include "tests/unit/vmm/cmocka.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/control.h"

static void refused(const char *request, const char *words)
{
	char *text = control_answer(NULL, request, strlen(request));
	json_t *reply = json_loads(text, 0, NULL);
	const char *error = json_string_value(json_object_get(reply, "error"));

	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_null(strchr(text, '\n'));
	if (!error || !strstr(error, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
	json_decref(reply);
	free(text);
}

static void wrong_requests(void **state)
{
	(void)state;
	refused("", "not JSON");
	refused("{", "not JSON");
	refused("\x80\xff", "not JSON");
	refused("[]", "an object");
	refused("1", "an object");
	refused("null", "an object");
	refused("{}", "lacks \"do\"");
	refused("{\"do\":1}", "lacks \"do\"");
	refused("{\"do\":\"dance\"}", "\"dance\"");
	refused("{\"do\":\"\"}", "\"\"");
	refused("{\"do\":\"help\",\"do\":\"help\"}", "not JSON");
	refused("{\"do\":\"help\",\"now\":true}", "\"now\"");
	refused("{\"do\":\"he\\u0000lp\"}", "not JSON");
	/* Quoted in the error, a letter of two bytes is cut in half. */
	refused("{\"do\":\"0123456789012345678901234567890123456789\xc3\xa4\"}",
		"there is no request");
	refused("{\"do\":\"012345678901234567890123456789012345678\xc3\xa4\"}",
		"there is no request");
}

static void deep_requests(void **state)
{
	char deep[40001];

	(void)state;
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	refused(deep, "not JSON");
}

static void help_lists_requests(void **state)
{
	char *text = control_answer(NULL, "{\"do\":\"help\"}", 13);

	(void)state;
	assert_non_null(strstr(text, "\"ok\":true"));
	assert_non_null(strstr(text, "powerdown"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_requests),
		cmocka_unit_test(deep_requests),
		cmocka_unit_test(help_lists_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
