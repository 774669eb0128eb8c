/* An export over HTTP: see serve.h. */
#include "reports/export/serve.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "lib/err.h"

#define CONNECTIONS_MAX    64
#define CONNECTION_SECONDS 10
#define CONNECTION_BYTES   (32u << 10)

struct serve {
	struct MHD_Daemon *daemon;
	const char *content_type;
	int (*render)(void *ctx, FILE *f);
	void *ctx;
	char url[NI_MAXHOST + 64];
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, char *body,
			      size_t n, const char *content_type)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!r) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned int status, const char *text)
{
	char *copy = strdup(text);

	return copy ? answer(c, status, copy, strlen(copy), "text/plain; charset=utf-8")
		    : MHD_NO;
}

static enum MHD_Result metrics(const struct serve *s, struct MHD_Connection *c)
{
	char *body = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&body, &n);
	int failed;

	if (!f)
		return MHD_NO;
	failed = s->render(s->ctx, f);
	if (fclose(f) || failed) {
		free(body);
		return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	return answer(c, MHD_HTTP_OK, body, n, s->content_type);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_bytes, void **state)
{
	static char seen;

	(void)version;
	(void)upload;
	if (!*state) { /* its head came; what follows it, if anything, is not wanted */
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_bytes) {
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return say(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET /metrics\n");
	if (strcmp(url, "/metrics"))
		return say(c, MHD_HTTP_NOT_FOUND, "what there is, is at /metrics\n");
	return metrics(ctx, c);
}

/* ---- its socket ---- */

/* HOST and PORT, in place. */
static int split(char *address, char **host, char **port)
{
	char *colon = strrchr(address, ':');

	if (!colon)
		return -1;
	*colon = '\0';
	*port = colon + 1;
	*host = address;
	if (address[0] == '[' && colon > address && colon[-1] == ']') {
		colon[-1] = '\0';
		++*host;
	}
	return **port ? 0 : -1;
}

static int listen_on(const struct addrinfo *a)
{
	const int one = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, CONNECTIONS_MAX))
		return fd;
	close(fd);
	return -1;
}

static int open_socket(const char *address)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	char text[NI_MAXHOST + 16], *host, *port;
	struct addrinfo *list = NULL;
	int fd = -1, error;

	if (snprintf(text, sizeof(text), "%s", address) >= (int)sizeof(text) ||
	    split(text, &host, &port))
		return err_set("%s: expected HOST:PORT, [IPV6]:PORT or :PORT", address);
	error = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (error)
		return err_set("%s: %s", address, gai_strerror(error));
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = listen_on(a);
	if (fd < 0)
		err_errno("%s: cannot listen there", address);
	freeaddrinfo(list);
	return fd;
}

static void name_url(struct serve *s, int fd)
{
	struct sockaddr_storage at;
	socklen_t n = sizeof(at);
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

	if (!getsockname(fd, (struct sockaddr *)&at, &n))
		getnameinfo((struct sockaddr *)&at, n, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(s->url, sizeof(s->url),
		 strchr(host, ':') ? "http://[%s]:%s/metrics" : "http://%s:%s/metrics", host,
		 port);
}

struct serve *serve_open(const char *address, const char *content_type,
			 int (*render)(void *ctx, FILE *f), void *ctx)
{
	struct serve *s = calloc(1, sizeof(*s));
	int fd;

	if (!s) {
		err_set("out of memory for the server");
		return NULL;
	}
	*s = (struct serve){.content_type = content_type, .render = render, .ctx = ctx};
	fd = open_socket(address);
	if (fd < 0) {
		free(s);
		return NULL;
	}
	name_url(s, fd);
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, s, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (s->daemon)
		return s;
	err_set("%s: the HTTP server does not start", address);
	close(fd);
	free(s);
	return NULL;
}

int serve_for(struct serve *s, int ms)
{
	return MHD_run_wait(s->daemon, ms) == MHD_YES
		       ? 0
		       : err_set("%s: the HTTP server failed", s->url);
}

const char *serve_url(const struct serve *s)
{
	return s->url;
}

void serve_close(struct serve *s)
{
	if (!s)
		return;
	MHD_stop_daemon(s->daemon);
	free(s);
}
