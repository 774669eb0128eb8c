/* Ways to the host: see transport.h. */
#include "probes/agent/transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib/err.h"

#define PCI_DEVICES  "/sys/bus/pci/devices"
#define SERIAL_PORTS "/sys/class/virtio-ports"
#define PORT_TRIES   10
#define STREAM_BYTES (4u << 20) /* of events that wait for the stream */

/* ---- memory ---- */

static int open_memory(struct transport *t, const char *where)
{
	return where ? memory_open(&t->memory, where) : memory_find(&t->memory, PCI_DEVICES);
}

/* ---- streams: their ring is in memory of our own ---- */

static int own_memory(struct transport *t, const char *name)
{
	struct memory *m = &t->memory;

	m->size = STREAM_BYTES;
	m->bytes =
		mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t->stream = malloc(sizeof(*t->stream));
	if (m->bytes == MAP_FAILED || !t->stream) {
		m->bytes = NULL;
		return err_set("out of memory for %u bytes of events", STREAM_BYTES);
	}
	snprintf(m->path, sizeof(m->path), "%s", name);
	return 0;
}

static bool is_named(const char *port)
{
	char path[320], name[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), SERIAL_PORTS "/%.200s/name", port);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	return !strcmp(name, RING_STREAM_SERIAL "\n");
}

static bool look_for_port(char *path, size_t bytes)
{
	DIR *d = opendir(SERIAL_PORTS);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		found = is_named(e->d_name);
		if (found)
			snprintf(path, bytes, "/dev/%.200s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

/* Ports come a moment after their driver. */
static int find_port(char *path, size_t bytes)
{
	struct timespec pause = {.tv_nsec = 50000000};
	bool found = look_for_port(path, bytes);

	for (int i = 0; i < PORT_TRIES && !found && !access(SERIAL_PORTS, F_OK); i++) {
		nanosleep(&pause, NULL);
		found = look_for_port(path, bytes);
	}
	return found ? 0
		     : err_set("no virtio-serial port is called " RING_STREAM_SERIAL
			       ": start the VM with one (QEMU -device "
			       "virtserialport,name=" RING_STREAM_SERIAL ")");
}

static int open_serial(struct transport *t, const char *where)
{
	char path[256];

	if (where)
		snprintf(path, sizeof(path), "%s", where);
	else if (find_port(path, sizeof(path)))
		return -1;
	t->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0)
		return err_errno("cannot open the serial port %s", path);
	return own_memory(t, path);
}

static int reach_serial(struct transport *t)
{
	return t->fd;
}

static int open_vsock(struct transport *t, const char *where)
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK,
				.svm_cid = VMADDR_CID_ANY,
				.svm_port = where ? (unsigned int)strtoul(where, NULL, 10)
						  : RING_STREAM_VSOCK_PORT};
	int device = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	unsigned int cid = 0;
	char name[32];

	if (device < 0 || ioctl(device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) ||
	    cid <= VMADDR_CID_HOST || cid == VMADDR_CID_ANY) {
		if (device >= 0)
			close(device);
		return err_set("there is no vsock: start the VM with one (QEMU -device "
			       "vhost-vsock-pci,guest-cid=3)");
	}
	close(device);
	t->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || bind(t->fd, (struct sockaddr *)&a, sizeof(a)) || listen(t->fd, 1))
		return err_errno("cannot listen on port %u of the vsock", a.svm_port);
	snprintf(name, sizeof(name), "vsock %u:%u", cid, a.svm_port);
	return own_memory(t, name);
}

/* The newest has it: the one before may have died without a word. */
static int reach_vsock(struct transport *t)
{
	int fd = accept4(t->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return t->peer_fd;
	if (t->peer_fd >= 0)
		close(t->peer_fd);
	t->peer_fd = fd;
	return fd;
}

/* ---- the table ---- */

static const struct transport_kind kinds[] = {
	{"ivshmem", open_memory, NULL},
	{"virtio-serial", open_serial, reach_serial},
	{"vsock", open_vsock, reach_vsock},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int try_kind(struct transport *t, const struct transport_kind *kind, const char *where)
{
	memset(t, 0, sizeof(*t));
	t->fd = t->peer_fd = -1;
	t->kind = kind;
	if (!kind->open(t, where))
		return 0;
	transport_close(t);
	return -1;
}

int transport_open(struct transport *t, const char *kind, const char *where)
{
	char why[1024] = "";

	for (size_t i = 0; i < KINDS; i++) {
		size_t used = strlen(why);

		if (kind && strcmp(kind, kinds[i].name))
			continue;
		if (!try_kind(t, &kinds[i], where))
			return 0;
		snprintf(why + used, sizeof(why) - used, "%s%s", used ? "; " : "", err_text());
	}
	return err_set("no way to the host: %s", why);
}

int transport_start(struct transport *t)
{
	if (!t->stream)
		return 0;
	return ring_stream_create(t->stream, t->memory.bytes, t->memory.size, true);
}

void transport_turn(struct transport *t)
{
	int fd;

	if (!t->stream)
		return;
	fd = t->kind->reach(t);
	if (fd < 0)
		return;
	if (fd != t->stream->fd)
		ring_stream_begin(t->stream, fd);
	if (!ring_stream_turn(t->stream))
		return;
	/* nobody is there any more; a port stays, a connection does not */
	t->stream->fd = -1;
	if (fd == t->peer_fd) {
		close(fd);
		t->peer_fd = -1;
	}
}

void transport_close(struct transport *t)
{
	if (t->peer_fd >= 0)
		close(t->peer_fd);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = t->peer_fd = -1;
	free(t->stream);
	t->stream = NULL;
	memory_close(&t->memory);
}
