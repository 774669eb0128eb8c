/* A virtual machine as a process, and its control socket from the client's side. */
#include "lib/vm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

#define REPLY_BYTES_MAX (16 << 20)
#define POLL_MS         20
#define QUIT_GRACE_MS   2000

static int connect_to(const char *control)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(control) >= sizeof(a.sun_path))
		return err_set("control socket %s: the path is too long", control);
	strcpy(a.sun_path, control);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno("control socket %s", control);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		err_errno("control socket %s: no machine answers there", control);
		close(fd);
		return -1;
	}
	return fd;
}

static int send_line(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t length = text ? strlen(text) : 0, sent = 0;

	if (!text)
		return err_set("cannot write the request as JSON");
	text[length++] = '\n'; /* in place of the NUL: only length counts from here */
	while (sent < length) {
		ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			break;
		sent += n > 0 ? (size_t)n : 0;
	}
	free(text);
	return sent == length ? 0 : err_errno("the machine does not take the request");
}

/* One line, however long, until the deadline. */
static char *read_line(int fd, long deadline)
{
	size_t used = 0, room = 65536;
	char *line = malloc(room);

	while (line) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long left = deadline - now_ms();
		ssize_t n;

		if (used + 1 == room) {
			char *grown = room < REPLY_BYTES_MAX ? realloc(line, room *= 2) : NULL;

			if (!grown)
				break;
			line = grown;
		}
		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			err_set("the machine did not answer in time");
			goto fail;
		}
		n = recv(fd, line + used, room - used - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_set("the machine hung up without an answer");
			goto fail;
		}
		used += (size_t)n;
		line[used] = '\0';
		if (line[used - 1] == '\n')
			return line;
	}
	err_set("the machine's answer is too long");
fail:
	free(line);
	return NULL;
}

static json_t *parse_reply(const char *line)
{
	json_error_t e;
	json_t *reply = json_loads(line, 0, &e);
	const char *error;

	if (!reply) {
		err_set("the machine's answer is not JSON: %s", e.text);
		return NULL;
	}
	if (json_is_true(json_object_get(reply, "ok")))
		return reply;
	error = json_string_value(json_object_get(reply, "error"));
	err_set("the machine says: %s", error ? error : "neither yes nor no");
	json_decref(reply);
	return NULL;
}

json_t *vm_ask(const char *control, json_t *request, int timeout_ms)
{
	long deadline = now_ms() + timeout_ms;
	json_t *reply = NULL;
	char *line = NULL;
	int fd = connect_to(control);

	if (fd < 0)
		return NULL;
	if (send_line(fd, request) == 0)
		line = read_line(fd, deadline);
	close(fd);
	if (line)
		reply = parse_reply(line);
	free(line);
	return reply;
}

json_t *vm_do(const char *control, const char *what, int timeout_ms)
{
	json_t *request = json_pack("{s:s}", "do", what);
	json_t *reply = vm_ask(control, request, timeout_ms);

	json_decref(request);
	return reply;
}

/* What it wrote before it gave up: the end of the file that takes its output. */
static int failed_start(int status, const struct proc_options *opt)
{
	char text[600] = "";
	size_t n = 0;
	FILE *f = opt && opt->output_path ? fopen(opt->output_path, "r") : NULL;

	if (f) {
		if (fseek(f, -(long)sizeof(text) + 1, SEEK_END))
			rewind(f);
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return err_set("the VM did not start: strata-vmm %s%s%s", proc_status_text(status),
		       n ? ": " : "", text);
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = POLL_MS * 1000000L};

	nanosleep(&t, NULL);
}

pid_t vm_start(const char *const argv[], const char *control, const struct proc_options *opt,
	       int timeout_ms)
{
	long deadline = now_ms() + timeout_ms;
	pid_t pid = proc_start(argv, opt);
	int status;

	if (pid < 0)
		return err_add("cannot start the VM");
	while (now_ms() < deadline) {
		json_t *reply = vm_do(control, "help", POLL_MS * 50);

		json_decref(reply);
		if (reply)
			return pid;
		if (proc_wait(pid, 0, &status) == 0)
			return failed_start(status, opt);
		nap();
	}
	proc_end(pid, SIGTERM, QUIT_GRACE_MS);
	return err_set("the VM did not answer on %s within %d ms", control, timeout_ms);
}
