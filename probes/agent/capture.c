/* Packet sockets (packet(7)) on the guest's devices: see capture.h. */
#include "probes/agent/capture.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/frame.h"

#define HEAD_BYTES   256 /* Ethernet, two tags, IP and TCP with all their options */
#define BUFFER_BYTES (4 << 20)
#define POLL_MAX     100000

struct point {
	int fd;
	uint8_t vm;
	uint64_t lost;
};

struct capture {
	struct point points[PROBES_DEVICES_MAX];
	unsigned int count;
	const struct probes_config *config;
	struct probes_callbacks callbacks;
};

static int open_socket(const struct probes_device *d)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = htons(ETH_P_ALL),
					    .sll_ifindex = (int)d->ifindex};
	int bytes = BUFFER_BYTES, on = 1;
	/* protocol 0: nothing comes before it is bound */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_errno("capture: cannot open a packet socket; the kernel needs "
				 "CONFIG_PACKET");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes)); /* or what there is */
	if (!setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) &&
	    !bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	err_errno("capture on %s", d->name);
	close(fd);
	return -1;
}

struct capture *capture_open(const struct probes_config *config,
			     const struct probes_callbacks *cb)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set("capture: out of memory");
		return NULL;
	}
	c->config = config;
	c->callbacks = *cb;
	for (unsigned int i = 0; i < config->device_count; i++) {
		int fd = open_socket(&config->devices[i]);

		if (fd < 0) {
			capture_close(c);
			return NULL;
		}
		c->points[c->count++] = (struct point){.fd = fd, .vm = config->devices[i].vm};
	}
	return c;
}

void capture_close(struct capture *c)
{
	for (unsigned int i = 0; i < c->count; i++)
		close(c->points[i].fd);
	free(c);
}

/* As a flow's packets are chosen in the kernels that have eBPF. */
static bool wanted(const struct probes_config *config, const struct frame *f)
{
	uint32_t address;

	memcpy(&address, f->client_addr + 12, sizeof(address));
	return sample_hash(address, f->event.client_port, f->event.server_port) <=
		       sample_max(config->sample) &&
	       flow_filter_matches(&config->filter, f->client_addr, f->server_addr,
				   f->event.client_port, f->event.server_port);
}

static int64_t time_of(struct msghdr *m)
{
	struct timespec t = {0};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof(t));
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A request that goes out, or a reply that comes in, is this guest's own asking. */
static void take(const struct capture *c, const struct point *p, const uint8_t *at,
		 size_t bytes, size_t length, bool outgoing, int64_t time_ns)
{
	struct frame f;

	if (!frame_parse(at, bytes, length, c->config->ports, c->config->port_count, &f) ||
	    f.request == outgoing || !wanted(c->config, &f))
		return;
	f.event.time_ns = (uint64_t)time_ns;
	f.event.hop = f.request ? HOP_STACK_RX : HOP_STACK_XMIT;
	f.event.domain = c->config->domain;
	f.event.vm = p->vm;
	c->callbacks.events(c->callbacks.ctx, &f.event, 1);
}

static int drain(const struct capture *c, const struct point *p, int64_t to_monotonic_ns)
{
	int n = 0;

	for (; n < POLL_MAX; n++) {
		uint8_t head[HEAD_BYTES], control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec iov = {.iov_base = head, .iov_len = sizeof(head)};
		struct sockaddr_ll from;
		struct msghdr m = {.msg_name = &from,
				   .msg_namelen = sizeof(from),
				   .msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t length = recvmsg(p->fd, &m, MSG_TRUNC);

		if (length < 0)
			break;
		take(c, p, head, (size_t)length < sizeof(head) ? (size_t)length : sizeof(head),
		     (size_t)length, from.sll_pkttype == PACKET_OUTGOING,
		     time_of(&m) + to_monotonic_ns);
	}
	return n;
}

int capture_poll(struct capture *c)
{
	int64_t to_monotonic_ns = clock_realtime_to_monotonic_ns();
	int total = 0;

	for (unsigned int i = 0; i < c->count; i++)
		total += drain(c, &c->points[i], to_monotonic_ns);
	return total;
}

/* Asking sets the kernel's count back to 0. */
uint64_t capture_lost(struct capture *c)
{
	uint64_t lost = 0;

	for (unsigned int i = 0; i < c->count; i++) {
		struct tpacket_stats stats = {0};
		socklen_t bytes = sizeof(stats);

		if (!getsockopt(c->points[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes))
			c->points[i].lost += stats.tp_drops;
		lost += c->points[i].lost;
	}
	return lost;
}

bool capture_marks(enum strata_hop hop)
{
	return hop == HOP_STACK_RX || hop == HOP_STACK_XMIT;
}
