/* What the guests' application asks others: see worker_ask.h. */
#include "scenarios/guest/worker_ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <postgresql/libpq-fe.h>

#define STARTS_S       25 /* a database may take to start */
#define STARTS_LOOK_US 200000

void ask_bound_waiting(int fd)
{
	const struct timeval t = {.tv_sec = ASK_WAIT_S};
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int ask_send(int fd, const char *data, size_t bytes)
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

int ask_receive_until(int fd, const char *ends, char *text, size_t bytes)
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

static int connect_to(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	ask_bound_waiting(fd);
	if (!connect(fd, (const struct sockaddr *)at, sizeof(*at)))
		return fd;
	close(fd);
	return -1;
}

long long ask_redis(const struct sockaddr_in *at, const char *key)
{
	char text[ASK_HEAD_MAX], *end;
	long long value = 0;
	int n = snprintf(text, sizeof(text), "*2\r\n$4\r\nINCR\r\n$%zu\r\n%s\r\n", strlen(key),
			 key);
	int fd = connect_to(at);

	if (fd < 0)
		return 0;
	if (!ask_send(fd, text, (size_t)n) &&
	    !ask_receive_until(fd, "\r\n", text, sizeof(text)) && *text == ':') {
		value = strtoll(text + 1, &end, 10);
		value = *end == '\r' ? value : 0;
	}
	close(fd);
	return value;
}

/* All that comes until the other side closes. */
static int receive_all(int fd, char *text, size_t bytes)
{
	size_t have = 0;

	while (have + 1 < bytes) {
		ssize_t n = recv(fd, text + have, bytes - 1 - have, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n && memchr(text + have, '\0', (size_t)n)))
			return -1;
		have += (size_t)n;
		text[have] = '\0';
		if (!n)
			return 0;
	}
	return -1;
}

/* The body of a reply in HTTP, NULL if it is none of 200. */
static const char *body_of(const char *reply)
{
	const char *end = strstr(reply, "\r\n\r\n");

	if (strncmp(reply, "HTTP/1.", 7) || strncmp(reply + 8, " 200 ", 5) || !end)
		return NULL;
	return end + 4;
}

int ask_http(const struct sockaddr_in *at, const char *path, char text[ASK_TEXT_MAX])
{
	char all[ASK_HEAD_MAX];
	int n = snprintf(all, sizeof(all), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path,
			 inet_ntoa(at->sin_addr));
	int fd = (size_t)n < sizeof(all) ? connect_to(at) : -1;
	const char *body = NULL;

	if (fd < 0)
		return -1;
	if (!ask_send(fd, all, (size_t)n) && !receive_all(fd, all, sizeof(all)))
		body = body_of(all);
	close(fd);
	return body && snprintf(text, ASK_TEXT_MAX, "%s", body) < ASK_TEXT_MAX ? 0 : -1;
}

/* ---- the database ---- */

static struct {
	PGconn *connection;
	struct sockaddr_in at;
} database;

static void forget_database(void)
{
	PQfinish(database.connection);
	database.connection = NULL;
}

static PGconn *database_at(const struct sockaddr_in *at)
{
	char address[INET_ADDRSTRLEN], port[8], wait[8];
	const char *const keys[] = {"hostaddr",        "port",    "user",
				    "dbname",          "sslmode", "gssencmode",
				    "connect_timeout", NULL};
	const char *const values[] = {address,   port,      "postgres", "postgres",
				      "disable", "disable", wait,       NULL};
	const time_t until = time(NULL) + STARTS_S;

	if (database.connection && (database.at.sin_addr.s_addr != at->sin_addr.s_addr ||
				    database.at.sin_port != at->sin_port))
		forget_database();
	inet_ntop(AF_INET, &at->sin_addr, address, sizeof(address));
	snprintf(port, sizeof(port), "%u", ntohs(at->sin_port));
	snprintf(wait, sizeof(wait), "%d", ASK_WAIT_S);
	while (!database.connection && time(NULL) <= until) {
		database.connection = PQconnectdbParams(keys, values, 0);
		if (PQstatus(database.connection) == CONNECTION_OK)
			break;
		forget_database();
		usleep(STARTS_LOOK_US);
	}
	database.at = *at;
	return database.connection;
}

/* The last of a query's results, NULL if none came in time; libpq itself would wait for ever.
 */
static PGresult *result_of(PGconn *c)
{
	struct pollfd p = {.fd = PQsocket(c), .events = POLLIN};
	PGresult *last = NULL, *next;

	for (;;) {
		while (PQisBusy(c)) {
			if (poll(&p, 1, ASK_WAIT_S * 1000) <= 0 || !PQconsumeInput(c)) {
				PQclear(last);
				return NULL;
			}
		}
		next = PQgetResult(c);
		if (!next)
			return last;
		PQclear(last);
		last = next;
	}
}

int ask_database(const struct sockaddr_in *at, const char *name, char text[ASK_TEXT_MAX])
{
	PGconn *c = database_at(at);
	PGresult *r = NULL;
	int result = -1;

	if (c && PQsendQueryParams(c, "SELECT text FROM item WHERE name = $1", 1, NULL, &name,
				   NULL, NULL, 0))
		r = result_of(c);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && PQnfields(r) == 1)
		result = snprintf(text, ASK_TEXT_MAX, "%s", PQgetvalue(r, 0, 0)) < ASK_TEXT_MAX
				 ? 0
				 : -1;
	if (c && (!r || PQstatus(c) != CONNECTION_OK))
		forget_database();
	PQclear(r);
	return result;
}
