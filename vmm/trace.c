/* Hop events of the VMM's own threads: from a frame in host memory to the ring. */
#include "vmm/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/offcpu.h"
#include "vmm/frame.h"

static _Thread_local uint32_t thread_id;

static int map_ring(struct trace *t, int fd, const char *path)
{
	void *mem;

	if (ftruncate(fd, (off_t)t->bytes))
		return err_errno("trace ring %s: cannot make it %zu bytes long", path,
				 t->bytes);
	mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return err_errno("trace ring %s: cannot map it", path);
	if (ring_create(&t->ring, mem, t->bytes, TRACE_LANES, TRACE_CAPACITY)) {
		t->ring.header = NULL;
		munmap(mem, t->bytes);
		return err_add("trace ring %s", path);
	}
	return 0;
}

int trace_open(struct trace *t, const char *path)
{
	int fd, ret;

	memset(t, 0, sizeof(*t));
	if (!path)
		return 0;
	t->bytes = ring_bytes(TRACE_LANES, TRACE_CAPACITY);
	/* A consumer may still map an older run's file: leave that one its inode. */
	if (unlink(path) && errno != ENOENT)
		return err_errno("trace ring %s: cannot replace the old file", path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno("trace ring %s: cannot create it; is its folder there?", path);
	ret = map_ring(t, fd, path);
	close(fd);
	if (ret)
		unlink(path);
	return ret;
}

void trace_close(struct trace *t)
{
	if (t->ring.header)
		munmap(t->ring.header, t->bytes);
	t->ring.header = NULL;
}

int trace_lane(struct trace *t)
{
	return t->lanes < TRACE_LANES ? t->lanes++ : -1;
}

/* Read which server ports are asked for. An unreadable request asks for none. */
static void read_request(struct trace_lane *l, const struct ring_header *h)
{
	char text[sizeof(h->request)];
	json_t *request, *ports, *port;
	size_t i;

	memcpy(text, h->request, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	l->ports = 0;
	request = json_loads(text, 0, NULL);
	ports = json_object_get(request, "ports");
	json_array_foreach (ports, i, port) {
		json_int_t number = json_integer_value(port);

		if (number > 0 && number <= UINT16_MAX && l->ports < TRACE_PORTS_MAX)
			l->port[l->ports++] = (uint16_t)number;
	}
	json_decref(request);
}

static void follow_consumer(struct trace *t, struct trace_lane *l)
{
	/* Pairs with ring_start()'s release: the request was written before "wanted". */
	uint32_t wanted = atomic_load_explicit(&t->ring.header->wanted, memory_order_acquire);

	if (wanted == l->generation)
		return;
	l->generation = wanted;
	read_request(l, t->ring.header);
	/* The next consumer counts on from here. */
	atomic_store_explicit(&t->ring.header->state_generation, wanted, memory_order_relaxed);
}

static bool port_wanted(const struct trace_lane *l, uint16_t port)
{
	for (unsigned int i = 0; i < l->ports; i++)
		if (l->port[i] == port)
			return true;
	return false;
}

/* Copy the frame's head out: a guest may change its own memory while we parse. */
static size_t copy_headers(const struct trace_frame *f, uint8_t *out, size_t max)
{
	size_t skip = f->skip, n = 0;

	if (max > f->bytes)
		max = f->bytes;
	for (int i = 0; i < f->iovcnt && n < max; i++) {
		size_t len = f->iov[i].iov_len;
		size_t off = skip < len ? skip : len;
		size_t take = len - off < max - n ? len - off : max - n;

		skip -= off;
		memcpy(out + n, (const uint8_t *)f->iov[i].iov_base + off, take);
		n += take;
	}
	return n;
}

/*
 * Name the flow client first: the server is the side whose port was asked for. What this guest
 * itself asks of another goes the other way, and is no hop of its own serving.
 */
static bool set_flow(struct strata_event *e, const struct trace_lane *l,
		     const struct frame_tcp *tcp, enum strata_hop hop)
{
	bool request = port_wanted(l, tcp->destination_port);

	if (request == (hop == HOP_VMM_TX_POP))
		return false;
	if (request) {
		e->client_port = tcp->source_port;
		e->server_port = tcp->destination_port;
		e->flow = flow_hash(tcp->source, tcp->destination, e->client_port,
				    e->server_port);
		return true;
	}
	if (port_wanted(l, tcp->source_port)) {
		e->client_port = tcp->destination_port;
		e->server_port = tcp->source_port;
		e->flow = flow_hash(tcp->destination, tcp->source, e->client_port,
				    e->server_port);
		return true;
	}
	return false;
}

void trace_limited(struct trace *t, int lane, uint64_t from_ns, uint64_t to_ns)
{
	struct strata_event e = {
		.time_ns = from_ns,
		.arg64 = to_ns - from_ns,
		.hop = CONTEXT_TASK_OFF,
		.flags = EVENT_CONTEXT,
		.reserved = OFF_VMM | OFF_BLOCKED | OFF_LIMITED,
	};

	if (lane < 0 || !ring_wanted(&t->ring))
		return;
	follow_consumer(t, &t->lane[lane]);
	e.tid = (uint32_t)gettid();
	ring_put(&t->ring, (uint32_t)lane, &e);
}

void trace_emit(struct trace *t, int lane, enum strata_hop hop, const struct trace_frame *f)
{
	uint8_t headers[FRAME_HEADERS_MAX];
	struct strata_event e = {.hop = (uint16_t)hop};
	struct frame_tcp tcp;
	struct timespec now;
	int cpu;

	/* First of all: what follows is tracing's own time, not the hop's. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (lane < 0)
		return;
	follow_consumer(t, &t->lane[lane]);
	if (!frame_parse_tcp(headers, copy_headers(f, headers, sizeof(headers)), f->bytes,
			     &tcp))
		return;
	if (!tcp.payload_bytes || !set_flow(&e, &t->lane[lane], &tcp, hop))
		return;
	if (!thread_id)
		thread_id = (uint32_t)gettid();
	cpu = sched_getcpu();
	e.time_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	e.seq = tcp.seq;
	e.len = tcp.payload_bytes;
	e.flags = (tcp.ipv6 ? EVENT_IPV6 : 0) | (tcp.fin ? EVENT_FIN : 0);
	e.cpu = cpu < 0 ? 0 : (uint16_t)cpu;
	e.queue = f->queue;
	e.tid = thread_id;
	e.arg32 = (uint32_t)f->bytes;
	e.arg64 = f->index;
	ring_put(&t->ring, (uint32_t)lane, &e);
}
