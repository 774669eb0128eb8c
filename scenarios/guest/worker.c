/*
 * A small application for guests: asked over HTTP, it asks others before it replies.
 *
 *     guest-worker PORT
 *     GET /count/CACHE/KEY            adds one to the key in a Redis server; its value
 *     GET /item/CACHE/DATABASE/KEY    the same, and the text of an item in PostgreSQL
 *     GET /ask/SERVER/PATH            what that server answers to GET /PATH
 *
 * CACHE, DATABASE and SERVER are ADDRESS:PORT; a SERVER without a port is asked at 80.
 *
 * Real services wait for others; a trace of several VMs needs one that does. A few processes
 * share the listening socket, each serves one request at a time, on a connection that ends with
 * it, and asks Redis and servers on a connection of its own: a recording that begins later sees
 * all of both. A database's connection costs it a process, and is kept.
 *
 * What clients and servers say is hostile: lines are bounded, waiting ends in time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signal.h>

#include "scenarios/guest/worker_ask.h"

#define PROCESSES  4
#define KEY_MAX    128
#define HTTP_PORT  80
#define LISTEN_MAX 256
#define REPLY_MAX  (ASK_TEXT_MAX + 64)

/* "10.77.0.4:6379/" and what is behind it. */
static bool place(const char **text, struct sockaddr_in *at)
{
	char address[INET_ADDRSTRLEN];
	unsigned int port = HTTP_PORT;
	int n = 0, m = 0;

	*at = (struct sockaddr_in){.sin_family = AF_INET};
	if (sscanf(*text, "%15[0-9.]%n:%5u%n", address, &n, &port, &m) < 1)
		return false;
	n = m > n ? m : n;
	if ((*text)[n] != '/' || !port || port > UINT16_MAX)
		return false;
	*text += n + 1;
	at->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, address, &at->sin_addr) == 1;
}

/* What is left of the path: a key. */
static bool key(const char *text, char key[KEY_MAX + 1])
{
	return sscanf(text, "%128[a-z0-9]", key) == 1 && text[strlen(key)] == ' ';
}

/* The codes that there are. 404: the path is none of what there is; 502: who was asked gave no
 * answer. */
static int count(const char *path, char *text)
{
	char name[KEY_MAX + 1];
	struct sockaddr_in cache;
	long long value;

	if (!place(&path, &cache) || !key(path, name))
		return 404;
	value = ask_redis(&cache, name);
	snprintf(text, REPLY_MAX, "%lld\n", value);
	return value ? 200 : 502;
}

static int item(const char *path, char *text)
{
	char name[KEY_MAX + 1], item[ASK_TEXT_MAX];
	struct sockaddr_in cache, database;
	long long value;

	if (!place(&path, &cache) || !place(&path, &database) || !key(path, name))
		return 404;
	value = ask_redis(&cache, name);
	if (!value || ask_database(&database, name, item))
		return 502;
	snprintf(text, REPLY_MAX, "%s, %lld times\n", item, value);
	return 200;
}

static int ask(const char *path, char *text)
{
	char rest[ASK_HEAD_MAX / 2];
	struct sockaddr_in server;

	if (!place(&path, &server))
		return 404;
	snprintf(rest, sizeof(rest), "/%s", path);
	if (!strchr(rest, ' '))
		return 404;
	*strchr(rest, ' ') = '\0';
	return ask_http(&server, rest, text) ? 502 : 200;
}

static const struct {
	const char *begin;
	int (*answer)(const char *path, char *text);
} understood[] = {
	{"GET /count/", count},
	{"GET /item/", item},
	{"GET /ask/", ask},
};

static int answer(const char *head, char text[REPLY_MAX])
{
	for (size_t i = 0; i < sizeof(understood) / sizeof(*understood); i++) {
		size_t length = strlen(understood[i].begin);

		if (!strncmp(head, understood[i].begin, length))
			return understood[i].answer(head + length, text);
	}
	return 404;
}

static void reply(int fd, const char *status, const char *text)
{
	char all[REPLY_MAX + 256];
	int n = snprintf(all, sizeof(all),
			 "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: "
			 "%zu\r\nConnection: close\r\n\r\n%s",
			 status, strlen(text), text);

	ask_send(fd, all, (size_t)n);
}

static void serve(int fd)
{
	char head[ASK_HEAD_MAX], text[REPLY_MAX];

	ask_bound_waiting(fd);
	if (ask_receive_until(fd, "\r\n\r\n", head, sizeof(head)))
		return;
	switch (answer(head, text)) {
	case 200:
		reply(fd, "200 OK", text);
		return;
	case 502:
		reply(fd, "502 Bad Gateway", "the server there gave no answer\n");
		return;
	default:
		reply(fd, "404 Not Found",
		      "GET /count/CACHE/KEY, /item/CACHE/DATABASE/KEY and "
		      "/ask/SERVER/PATH are all there is\n");
	}
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
