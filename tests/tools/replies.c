/*
 * A server for tests of HTTP clients: the path says what it answers, right or wrong.
 *
 *   replies [-6]    listens on loopback, prints its port, and serves until it is killed
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE_BYTES 1000000

static void say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* the client has gone: its next read() ends the connection */
}

/* Each returns whether the connection stays. */

static bool plain(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	return true;
}

static bool chunked(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n");
	usleep(1000);
	say(fd, "3;last=yes\r\nllo\r\n0\r\nTrailer: yes\r\n\r\n");
	return true;
}

static bool until_close(int fd)
{
	say(fd, "HTTP/1.0 200 OK\r\n\r\nhel");
	usleep(1000);
	say(fd, "lo");
	return false;
}

static bool slow(int fd)
{
	usleep(100000);
	return plain(fd);
}

static bool never(int fd)
{
	char byte;

	return recv(fd, &byte, 1, 0) > 0;
}

static bool reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return false;
}

static bool cut(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
	return false;
}

static bool garbage(int fd)
{
	say(fd, "220 mail.example ESMTP\r\n");
	return true;
}

static bool missing(int fd)
{
	say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static bool large(int fd)
{
	static char body[LARGE_BYTES + 1];

	memset(body, 'x', LARGE_BYTES);
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	say(fd, body);
	return true;
}

/* Closes an idle connection without having said that it would. */
static bool once(int fd)
{
	plain(fd);
	usleep(1000);
	return false;
}

static bool extra(int fd)
{
	say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more");
	return true;
}

static const struct {
	const char *path;
	bool (*answer)(int fd);
} answers[] = {
	{"/", plain},      {"/chunked", chunked}, {"/close", until_close},
	{"/slow", slow},   {"/never", never},     {"/reset", reset},
	{"/cut", cut},     {"/garbage", garbage}, {"/404", missing},
	{"/large", large}, {"/once", once},       {"/extra", extra},
};

static bool answer(int fd, const char *path)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(path, answers[i].path) == 0)
			return answers[i].answer(fd);
	return missing(fd);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char request[8192], path[256];
	bool stays = true;
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (stays) {
		ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

		if (n <= 0)
			break;
		request[n] = '\0';
		if (sscanf(request, "GET %255s HTTP/1.1", path) != 1)
			break;
		stays = answer(fd, path) && !strstr(request, "Connection: close");
	}
	close(fd);
	return NULL;
}

static int listen_on_loopback(bool ipv6)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	struct sockaddr_in four = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *a = ipv6 ? (void *)&six : (void *)&four;
	socklen_t len = ipv6 ? sizeof(six) : sizeof(four);
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, a, len) < 0 || listen(fd, 128) < 0)
		return -1;
	len = sizeof(six);
	getsockname(fd, (struct sockaddr *)&six, &len); /* the port is at the same place */
	printf("%u\n", ntohs(six.sin6_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = listen_on_loopback(argc > 1 && strcmp(argv[1], "-6") == 0);
	if (fd < 0) {
		perror("replies");
		return EXIT_FAILURE;
	}
	for (;;) {
		int client = accept(fd, NULL, NULL);
		pthread_t thread;

		if (client < 0)
			continue;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0)
			pthread_detach(thread);
		else
			close(client);
	}
}
