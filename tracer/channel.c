/* Ways to a ring: see channel.h. */
#include "tracer/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib/err.h"

#define OWN_CAPACITY (1u << 16) /* events that wait for the collector: 4 MiB */

static int open_file(struct channel *c, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_errno("open its ring %s", path);
	if (fstat(fd, &st) || st.st_size < RING_HEADER_BYTES) {
		close(fd);
		return err_set("its ring %s is shorter than a ring's header", path);
	}
	c->bytes = (size_t)st.st_size;
	c->memory = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (c->memory == MAP_FAILED) {
		c->memory = NULL;
		return err_errno("map its ring %s", path);
	}
	return 0;
}

/* A ring of our own behind the stream, which is the channel's from here on. */
static int open_stream(struct channel *c, int fd)
{
	struct ring producer;

	c->bytes = ring_bytes(1, OWN_CAPACITY);
	c->memory = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	c->stream = malloc(sizeof(*c->stream));
	if (c->memory == MAP_FAILED || !c->stream) {
		c->memory = NULL;
		free(c->stream);
		c->stream = NULL;
		close(fd);
		return err_set("out of memory for a ring of %zu bytes", c->bytes);
	}
	if (ring_create(&producer, c->memory, c->bytes, 1, OWN_CAPACITY) ||
	    ring_stream_create(c->stream, c->memory, c->bytes, false)) {
		close(fd);
		return -1;
	}
	ring_stream_begin(c->stream, fd);
	return 0;
}

/* -1 with a sentence, and the socket closed. */
static int reach(int fd, const void *address, socklen_t bytes, const char *text)
{
	if (fd < 0)
		return err_errno("open a socket to %s", text);
	if (connect(fd, address, bytes) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		err_errno("connect to %s", text);
		close(fd);
		return -1;
	}
	return 0;
}

static int open_unix(struct channel *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set("the socket's path %s is too long", path);
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return reach(fd, &a, sizeof(a), path) ? -1 : open_stream(c, fd);
}

static int open_vsock(struct channel *c, const char *address)
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK, .svm_port = RING_STREAM_VSOCK_PORT};
	char *end;
	int fd;

	a.svm_cid = (unsigned int)strtoul(address, &end, 10);
	if (*end == ':')
		a.svm_port = (unsigned int)strtoul(end + 1, &end, 10);
	if (*end || a.svm_cid <= VMADDR_CID_HOST)
		return err_set("vsock:%s: expected vsock:CID or vsock:CID:PORT, CID from 3",
			       address);
	fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return reach(fd, &a, sizeof(a), address) ? -1 : open_stream(c, fd);
}

static const struct {
	const char *prefix;
	int (*open)(struct channel *c, const char *rest);
} kinds[] = {
	{"file:", open_file},
	{"unix:", open_unix},
	{"vsock:", open_vsock},
};

int channel_open(struct channel *c, const char *address)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (!strncmp(address, kinds[i].prefix, n))
			return kinds[i].open(c, address + n);
	}
	return open_file(c, address);
}

void channel_turn(struct channel *c)
{
	if (c->stream)
		(void)ring_stream_turn(c->stream);
}

void channel_close(struct channel *c)
{
	if (c->stream) {
		(void)ring_stream_turn(c->stream); /* a stop, if that was the last word */
		close(c->stream->fd);
	}
	free(c->stream);
	c->stream = NULL;
	if (c->memory)
		munmap(c->memory, c->bytes);
	c->memory = NULL;
}
