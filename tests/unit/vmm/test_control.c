/*
 * The control socket and its client (lib/vm.h) with each other: connections good, bad and
 * too many. The machine behind is never reached: "help" needs none.
 */
#include "tests/unit/vmm/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/vm.h"
#include "vmm/cleanup.h"
#include "vmm/control.h"

#define WAIT_MS 10000

static char folder[] = "/tmp/strata-control-XXXXXX";
static char path[64];
static struct control *control;

static int set_up(void **state)
{
	(void)state;
	control = control_start(NULL, path);
	return control ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	control_stop(control);
	cleanup_now();
	return access(path, F_OK) ? 0 : -1; /* the socket is gone with it */
}

static FILE *dial(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fdopen(fd, "r+");
}

static const char *line(FILE *f)
{
	static char text[4096];

	return fgets(text, sizeof(text), f) ? text : "(hung up)";
}

static void is_ok(void)
{
	json_t *reply = vm_do(path, "help", WAIT_MS);

	if (!reply)
		fail_msg("%s", err_text());
	json_decref(reply);
}

static void the_client_is_answered(void **state)
{
	json_t *reply = vm_do(path, "help", WAIT_MS);

	(void)state;
	assert_non_null(json_object_get(json_object_get(reply, "requests"), "status"));
	json_decref(reply);
	assert_null(vm_do(path, "dance", WAIT_MS));
	assert_non_null(strstr(err_text(), "the machine says: there is no request \"dance\""));
}

static void only_its_owner_may_connect(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void lines_come_in_pieces_and_together(void **state)
{
	FILE *f = dial();

	(void)state;
	fputs("{\"do\":", f);
	fflush(f);
	usleep(20000);
	fputs("\"help\"}\n\n{\"do\":\"help\"}\n\x01\xff\n", f);
	fflush(f);
	assert_non_null(strstr(line(f), "\"ok\":true"));
	assert_non_null(strstr(line(f), "\"ok\":true"));
	assert_non_null(strstr(line(f), "not JSON"));
	fclose(f);
}

static void endless_requests_are_cut_off(void **state)
{
	FILE *f = dial();

	(void)state;
	for (int i = 0; i < 65536; i++)
		fputc('[', f);
	fflush(f);
	assert_non_null(strstr(line(f), "longer than 65536 bytes"));
	assert_string_equal(line(f), "(hung up)");
	fclose(f);
	is_ok();
}

static void one_client_too_many_is_told(void **state)
{
	FILE *f[16], *more;

	(void)state;
	for (int i = 0; i < 16; i++) {
		f[i] = dial();
		fputs("{\"do\":\"help\"}\n", f[i]);
		fflush(f[i]);
		line(f[i]); /* it is served: it has its place */
	}
	more = dial();
	assert_non_null(strstr(line(more), "16 clients"));
	fclose(more);
	for (int i = 0; i < 16; i++)
		fclose(f[i]);
	usleep(20000);
	is_ok();
}

static void clients_that_leave_early_do_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		FILE *f = dial();

		fputs("{\"do\":\"help\"}\n", f);
		fclose(f);
	}
	usleep(20000);
	is_ok();
}

static void paths_are_checked(void **state)
{
	char other[100], long_path[200];
	FILE *file;

	(void)state;
	assert_null(control_start(NULL, path));
	assert_non_null(strstr(err_text(), "another machine answers there"));
	is_ok();

	snprintf(other, sizeof(other), "%s/file", folder);
	file = fopen(other, "w");
	fclose(file);
	assert_null(control_start(NULL, other));
	assert_non_null(strstr(err_text(), "something else"));
	assert_int_equal(access(other, F_OK), 0);
	unlink(other);

	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_null(control_start(NULL, long_path));
	assert_non_null(strstr(err_text(), "longer than"));
	assert_null(vm_do(long_path, "help", WAIT_MS));
	snprintf(other, sizeof(other), "%s/nowhere/socket", folder);
	assert_null(control_start(NULL, other));
	assert_non_null(strstr(err_text(), "No such file"));
	assert_null(vm_do(other, "help", WAIT_MS));
	assert_non_null(strstr(err_text(), "no machine answers there"));
}

static void a_dead_ones_socket_is_replaced(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	control_stop(control);
	cleanup_now();
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	control = control_start(NULL, path);
	assert_non_null(control);
	is_ok();
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_client_is_answered),
		T(only_its_owner_may_connect),
		T(lines_come_in_pieces_and_together),
		T(endless_requests_are_cut_off),
		T(one_client_too_many_is_told),
		T(clients_that_leave_early_do_no_harm),
		T(paths_are_checked),
		T(a_dead_ones_socket_is_replaced),
	};
	int ret;

	if (!mkdtemp(folder))
		return EXIT_FAILED;
	snprintf(path, sizeof(path), "%s/socket", folder);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return ret;
}
