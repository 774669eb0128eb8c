/* A guest's side of the 82540EM: see card.h. */
#include "tests/unit/vmm/card.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t address[] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

void card_make(struct card *c)
{
	int pair[2], size = 1 << 20;

	memset(c, 0, sizeof(*c));
	driver_init(&c->driver);
	trace_open(&c->trace, NULL);
	c->loop = loop_create("test");
	if (!c->loop || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair))
		abort();
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	c->wire = pair[0];
	strcpy(c->e.name, "test");
	memcpy(c->e.link.mac, address, sizeof(address));
	if (e1000_init(&c->e, pair[1], c->loop, &c->driver.memory, &c->trace))
		abort();
}

void card_free(struct card *c)
{
	e1000_destroy(&c->e);
	loop_destroy(c->loop);
	if (c->wire >= 0)
		close(c->wire);
	driver_destroy(&c->driver);
}

uint32_t card_get(struct card *c, unsigned int reg)
{
	return (uint32_t)e1000_read(&c->e, reg, 4);
}

void card_set(struct card *c, unsigned int reg, uint32_t value)
{
	e1000_write(&c->e, reg, value, 4);
}

static void program(struct card *c, unsigned int base_low, uint64_t gpa)
{
	card_set(c, base_low, (uint32_t)gpa);
	card_set(c, base_low + 4, (uint32_t)(gpa >> 32));
	card_set(c, base_low + 8, CARD_RING * 16);
	card_set(c, base_low + 0x10, 0);
	card_set(c, base_low + 0x18, 0);
}

void card_start(struct card *c)
{
	c->tx_gpa = driver_alloc(&c->driver, CARD_RING * 16, 16);
	c->rx_gpa = driver_alloc(&c->driver, CARD_RING * 16, 16);
	c->buffers_gpa = driver_alloc(&c->driver, CARD_RING * CARD_BUFFER, 16);
	c->tx = driver_host(&c->driver, c->tx_gpa);
	c->rx = driver_host(&c->driver, c->rx_gpa);
	c->tx_tail = 0;
	program(c, REG_TDBAL, c->tx_gpa);
	program(c, REG_RDBAL, c->rx_gpa);
	card_set(c, REG_TCTL, TCTL_EN);
	card_set(c, REG_RCTL, RCTL_EN | RCTL_BAM);
	card_set(c, REG_CTRL, CTRL_SLU);
	card_turn(c);
}

void card_offer(struct card *c, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		c->rx[i % CARD_RING] =
			(struct rx_descriptor){.address = c->buffers_gpa + i * CARD_BUFFER};
	card_set(c, REG_RDT, count % CARD_RING);
}

void card_put(struct card *c, uint64_t gpa, uint32_t lower, uint32_t upper)
{
	c->tx[c->tx_tail] = (struct tx_descriptor){gpa, lower, upper};
	c->tx_tail = (c->tx_tail + 1) % CARD_RING;
}

void card_kick(struct card *c)
{
	card_set(c, REG_TDT, c->tx_tail);
}

uint64_t card_place(struct card *c, const void *bytes, size_t count)
{
	uint64_t at = driver_alloc(&c->driver, count, 2);

	memcpy(driver_host(&c->driver, at), bytes, count);
	return at;
}

int card_sent(struct card *c, struct virtio_net_hdr_v1 *header, uint8_t *frame, size_t max)
{
	struct iovec iov[2] = {{header, sizeof(*header)}, {frame, max}};
	ssize_t n = readv(c->wire, iov, 2);

	return n < (ssize_t)sizeof(*header) ? -1 : (int)(n - (ssize_t)sizeof(*header));
}

void card_arrive(struct card *c, uint8_t flags, const void *frame, size_t bytes)
{
	struct virtio_net_hdr_v1 header = {.flags = flags};
	struct iovec iov[2] = {{&header, sizeof(header)}, {(void *)(size_t)frame, bytes}};

	if (writev(c->wire, iov, 2) < 0)
		abort();
	card_turn(c);
}

void card_turn(struct card *c)
{
	struct e1000 *e = &c->e;
	eventfd_t rings;

	/* The bell is asked here, and rings again for its owner, who reads it himself. */
	if (!eventfd_read(e->bell.fd, &rings)) {
		eventfd_write(e->bell.fd, rings);
		e->bell.ready(&e->bell, EPOLLIN);
	}
	if (e->rx.polled)
		e->rx.tap.ready(&e->rx.tap, e->rx.polled);
}
