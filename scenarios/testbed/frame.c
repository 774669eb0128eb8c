/* Frames through the virtio-serial port: whole ones in, whole ones out. */
#include "scenarios/testbed/frame.h"

#include <errno.h>
#include <unistd.h>

#include "lib/err.h"

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno("writing to the testbed's port");
		p += n;
		len -= n;
	}
	return 0;
}

int frame_send(int fd, enum frame_type type, const void *payload, size_t len)
{
	struct frame f = {.type = type, .len = len};

	if (len > FRAME_PAYLOAD_MAX)
		return err_set("the command and its environment take %zu bytes, more than %d",
			       len, FRAME_PAYLOAD_MAX);
	if (write_all(fd, &f, sizeof(f)) < 0)
		return -1;
	return write_all(fd, payload, len);
}

int frame_read(struct frame_reader *r, int fd)
{
	const size_t header = sizeof(r->frame);
	char *to;
	size_t want;
	ssize_t n;

	if (r->have >= header && r->have == header + r->frame.len)
		r->have = 0;
	if (r->have < header) {
		to = (char *)&r->frame + r->have;
		want = header - r->have;
	} else {
		to = r->payload + (r->have - header);
		want = header + r->frame.len - r->have;
	}
	n = read(fd, to, want);
	if (n < 0)
		return errno == EINTR ? 0 : err_errno("reading from the testbed's port");
	if (n == 0)
		return err_set("the other end of the testbed's port is closed");
	r->have += n;
	if (r->have < header)
		return 0;
	if (r->frame.len > FRAME_PAYLOAD_MAX)
		return err_set("a frame of %u bytes came through the testbed's port",
			       r->frame.len);
	if (r->have < header + r->frame.len)
		return 0;
	r->payload[r->frame.len] = '\0';
	return 1;
}
