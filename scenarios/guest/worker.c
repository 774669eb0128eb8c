/*
 * A small application for guests: asked over HTTP, it asks a Redis server before it replies.
 *
 *     guest-worker PORT
 *     GET /count/ADDRESS:PORT/KEY      adds one to the key there; the reply is its value
 *
 * Real services wait for others; a trace of several VMs needs one that does. A few processes
 * share the listening socket, each serves one request at a time, on a connection that ends with
 * it, and asks on a connection of its own: a recording that begins later sees all of both.
 *
 * What clients and servers say is hostile: lines are bounded, waiting ends in time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signal.h>

#define PROCESSES  4
#define HEAD_MAX   4096
#define KEY_MAX    128
#define WAIT_S     20
#define LISTEN_MAX 256

struct question {
	struct sockaddr_in address;
	char key[KEY_MAX + 1];
};

static void bound_waiting(int fd)
{
	const struct timeval t = {.tv_sec = WAIT_S};
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int send_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* Until what ends it is there: text is what came so far. -1: it did not come, or not in bounds.
 */
static int receive_until(int fd, const char *ends, char *text, size_t bytes)
{
	size_t have = 0;

	text[0] = '\0';
	while (have + 1 < bytes) {
		ssize_t n = recv(fd, text + have, bytes - 1 - have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || memchr(text + have, '\0', (size_t)n))
			return -1;
		have += (size_t)n;
		text[have] = '\0';
		if (strstr(text, ends))
			return 0;
	}
	return -1;
}

/* "GET /count/10.77.0.4:6379/hits HTTP/1.0" */
static bool understood(const char *head, struct question *q)
{
	char address[INET_ADDRSTRLEN];
	unsigned int port;
	int key = 0;

	*q = (struct question){.address.sin_family = AF_INET};
	if (sscanf(head, "GET /count/%15[0-9.]:%5u/%n%128[a-z0-9]", address, &port, &key,
		   q->key) != 3 ||
	    head[(size_t)key + strlen(q->key)] != ' ' || !port || port > UINT16_MAX)
		return false;
	q->address.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, address, &q->address.sin_addr) == 1;
}

/* The value behind ":", or 0: it could not be asked, or answered with an error. */
static long long ask(const struct question *q)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[HEAD_MAX], *end;
	long long value = 0;
	int n = snprintf(text, sizeof(text), "*2\r\n$4\r\nINCR\r\n$%zu\r\n%s\r\n",
			 strlen(q->key), q->key);

	if (fd < 0)
		return 0;
	bound_waiting(fd);
	if (!connect(fd, (const struct sockaddr *)&q->address, sizeof(q->address)) &&
	    !send_all(fd, text, (size_t)n) && !receive_until(fd, "\r\n", text, sizeof(text)) &&
	    *text == ':') {
		value = strtoll(text + 1, &end, 10);
		value = *end == '\r' ? value : 0;
	}
	close(fd);
	return value;
}

static void reply(int fd, const char *status, const char *text)
{
	char all[256];
	int n = snprintf(all, sizeof(all),
			 "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: "
			 "%zu\r\nConnection: close\r\n\r\n%s",
			 status, strlen(text), text);

	send_all(fd, all, (size_t)n);
}

static void serve(int fd)
{
	char head[HEAD_MAX], text[32];
	struct question q;
	long long value;

	bound_waiting(fd);
	if (receive_until(fd, "\r\n\r\n", head, sizeof(head)))
		return;
	if (!understood(head, &q)) {
		reply(fd, "404 Not Found", "GET /count/ADDRESS:PORT/KEY is all there is\n");
		return;
	}
	value = ask(&q);
	snprintf(text, sizeof(text), "%lld\n", value);
	if (value)
		reply(fd, "200 OK", text);
	else
		reply(fd, "502 Bad Gateway", "the Redis server there gave no value\n");
}

static void serve_for_ever(int listening)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listening, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}

static int listen_at(const char *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	long n = strtol(port, NULL, 10);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	any.sin_port = htons((uint16_t)n);
	if (fd < 0 || n < 1 || n > UINT16_MAX ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, LISTEN_MAX)) {
		fprintf(stderr, "guest-worker: cannot listen at port %s: %s\n", port,
			strerror(errno));
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fputs("usage: guest-worker PORT\n", stderr);
		return 2;
	}
	fd = listen_at(argv[1]);
	if (fd < 0)
		return 1;
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			serve_for_ever(fd);
	while (wait(NULL) > 0)
		;
	return 0;
}
