/* Synthetic recordings: see synthetic.h. The timeline; synthetic_emit.c writes what is seen. */
#include "tracer/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/synthetic_emit.h"

#define START_NS         1000000000000u
#define THINK_NS         40000u /* between a reply and the client's next request */
#define RETRANSMIT_NS    201000000u
#define CONNECTIONS_MAX  4096
#define BURST_MAX        16
#define MESSAGE_MAX      (1u << 22)
#define CLIENT_PORT_BASE 32768

/* What a hop takes, about: a small fast host, in nanoseconds. */
static const uint32_t usual_ns[HOP_COUNT] = {
	[HOP_CLIENT_SEND] = 2900,   [HOP_CLIENT_XMIT] = 5200,   [HOP_NIC_IRQ] = 900,
	[HOP_NIC_RX] = 1100,        [HOP_VSWITCH_IN] = 700,     [HOP_PORT_QUEUE] = 400,
	[HOP_PORT_XMIT] = 6100,     [HOP_VMM_RX_READ] = 1300,   [HOP_VMM_RX_PUBLISH] = 1800,
	[HOP_KVM_IRQ] = 1200,       [HOP_VCPU_WAKE] = 3900,     [HOP_VCPU_RUN] = 1500,
	[HOP_KVM_ENTRY] = 800,      [HOP_GUEST_IRQ] = 1600,     [HOP_GUEST_NAPI] = 1000,
	[HOP_STACK_RX] = 1700,      [HOP_TCP_RX] = 900,         [HOP_SOCK_READY] = 2600,
	[HOP_APP_RUN] = 3100,       [HOP_APP_READ] = 5400,      [HOP_NGINX_PROCESS] = 14000,
	[HOP_NGINX_RESPOND] = 9100, [HOP_APP_WRITE] = 4300,     [HOP_STACK_QUEUE] = 1200,
	[HOP_STACK_XMIT] = 1500,    [HOP_KVM_EXIT] = 1400,      [HOP_KVM_KICK] = 4100,
	[HOP_VMM_TX_POP] = 2700,    [HOP_PORT_RX] = 1300,       [HOP_NIC_QUEUE] = 500,
	[HOP_NIC_XMIT] = 5600,      [HOP_CLIENT_RX] = 4700,     [HOP_CLIENT_RECV] = 0,
	[HOP_VFIO_IRQ] = 700,       [HOP_VHOST_RX_WAKE] = 3300, [HOP_VHOST_RX_RUN] = 900,
	[HOP_VHOST_RX_READ] = 1400, [HOP_VHOST_TX_WAKE] = 3100, [HOP_VHOST_TX_RUN] = 1100,
};

struct connection {
	uint32_t number; /* tells client ports apart */
	uint32_t request_seq, reply_seq;
	uint32_t requests;
	uint64_t next_ns;
};

struct generator {
	const struct synthetic_options *o;
	struct emitter *emit;
	uint64_t random;
	struct connection *connections;
	unsigned int connection_count;
	uint32_t connections_made;
	char *message;
	bool delayed; /* the requests at hand */
	synthetic_truth_fn truth;
	void *ctx;
};

static uint32_t draw(struct generator *g, uint32_t below)
{
	g->random += 0x9e3779b97f4a7c15u;
	return (uint32_t)((flow_mix(g->random, 1) >> 32) * (uint64_t)below >> 32);
}

static bool chance(struct generator *g, unsigned int permille)
{
	return draw(g, 1000) < permille;
}

/* What this hop takes this time: mostly near the usual, now and then several times that. */
static uint64_t takes(struct generator *g, enum strata_hop hop)
{
	uint64_t ns = usual_ns[hop];

	ns = ns * (800 + draw(g, 400)) / 1000;
	if (chance(g, 20))
		ns *= 2 + draw(g, 4);
	if (g->delayed && hop == g->o->delay_hop)
		ns += g->o->delay_ns;
	return ns ? ns : 1;
}

static bool of_client(enum strata_hop hop)
{
	return hop == HOP_CLIENT_SEND || hop == HOP_CLIENT_XMIT || hop == HOP_CLIENT_RX ||
	       hop == HOP_CLIENT_RECV;
}

/* Absent where the guest polls and the VMM is at work anyway. */
static bool of_waking(enum strata_hop hop)
{
	return hop == HOP_NIC_IRQ || hop == HOP_VFIO_IRQ || hop == HOP_VHOST_RX_WAKE ||
	       hop == HOP_VHOST_RX_RUN || hop == HOP_KVM_IRQ || hop == HOP_VCPU_WAKE ||
	       hop == HOP_VCPU_RUN || hop == HOP_KVM_ENTRY || hop == HOP_GUEST_IRQ ||
	       hop == HOP_APP_RUN || hop == HOP_KVM_EXIT || hop == HOP_KVM_KICK ||
	       hop == HOP_VHOST_TX_WAKE || hop == HOP_VHOST_TX_RUN;
}

static bool has_hop(const struct generator *g, enum strata_hop hop, bool polls)
{
	if (!(hop_table[hop].places & (unsigned int)g->o->place) || hop == HOP_GUEST ||
	    hop_is_upcall(hop))
		return false;
	if (g->o->remote_client && of_client(hop))
		return false;
	return !(polls && of_waking(hop));
}

static void connect(struct generator *g, struct connection *c, uint64_t now_ns)
{
	c->number = g->connections_made++;
	c->request_seq = draw(g, UINT32_MAX);
	c->reply_seq = draw(g, UINT32_MAX);
	if (g->o->wrap) {
		c->request_seq = 0u - 300 - draw(g, 200);
		c->reply_seq = 0u - 500 - draw(g, 900);
	}
	c->requests = 0;
	c->next_ns = now_ns;
}

/* ---- one burst: one request, or several that are pipelined ---- */

struct burst {
	struct synthetic_truth truth[BURST_MAX];
	unsigned int count;
	bool polls;
	uint32_t lost_at; /* the packet is lost behind this hop and sent again, if not HOP_COUNT
			   */
};

static uint64_t walk_in(struct generator *g, struct burst *b, uint64_t t)
{
	for (int hop = 0; hop < HOP_NGINX_PROCESS; hop++) {
		if (!has_hop(g, (enum strata_hop)hop, b->polls))
			continue;
		for (unsigned int i = 0; i < b->count; i++)
			b->truth[i].time_ns[hop] = t;
		t += takes(g, (enum strata_hop)hop);
		if (b->lost_at == (uint32_t)hop)
			t += RETRANSMIT_NS;
	}
	return t;
}

/* Nothing overtakes the pipelined request before it. */
static uint64_t walk_out(struct generator *g, struct synthetic_truth *truth,
			 const struct synthetic_truth *before, bool polls, uint64_t t)
{
	uint64_t written = t;

	for (int hop = HOP_NGINX_PROCESS; hop < HOP_COUNT; hop++) {
		if (!has_hop(g, (enum strata_hop)hop, polls))
			continue;
		if (before && t <= before->time_ns[hop])
			t = before->time_ns[hop] + 1;
		truth->time_ns[hop] = t;
		if (hop == HOP_APP_WRITE)
			written = t;
		t += takes(g, (enum strata_hop)hop);
	}
	return written;
}

static size_t request_text(struct generator *g, struct connection *c)
{
	return (size_t)snprintf(g->message, MESSAGE_MAX,
				"GET /item/%u?c=%u HTTP/1.1\r\nHost: web.example\r\n"
				"User-Agent: synthetic\r\nAccept: */*\r\n\r\n",
				c->requests, c->number);
}

static size_t reply_text(struct generator *g)
{
	unsigned int body = g->o->reply_bytes;
	size_t n = (size_t)snprintf(g->message, MESSAGE_MAX,
				    "HTTP/1.1 200 OK\r\nServer: nginx\r\n"
				    "Content-Type: text/plain\r\n");

	if (g->o->chunked)
		n += (size_t)snprintf(g->message + n, MESSAGE_MAX - n,
				      "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
				      body ? body : 1);
	else
		n += (size_t)snprintf(g->message + n, MESSAGE_MAX - n,
				      "Content-Length: %u\r\n\r\n", body);
	if (g->o->chunked && !body)
		body = 1;
	for (unsigned int i = 0; i < body; i++)
		g->message[n++] = (char)('a' + i % 26);
	if (g->o->chunked)
		n += (size_t)snprintf(g->message + n, MESSAGE_MAX - n, "\r\n0\r\n\r\n");
	return n;
}

static struct emit_message message_of(const struct generator *g, const struct connection *c,
				      enum strata_direction d, size_t bytes)
{
	struct emit_message m = {
		.client_port = (uint16_t)(CLIENT_PORT_BASE + c->number % 28000),
		.client_host = (uint8_t)(2 + c->number / 28000),
		.ipv6 = g->o->ipv6,
		.direction = d,
		.seq = d == DIRECTION_REQUEST ? c->request_seq : c->reply_seq,
		.bytes = (uint32_t)bytes,
		.payload = (const uint8_t *)g->message,
		.segment_bytes = g->o->segment_bytes ? g->o->segment_bytes : 1448,
		.merge = g->o->merge,
	};

	return m;
}

static int send_requests(struct generator *g, struct connection *c, struct burst *b)
{
	char *base = g->message;
	size_t bytes = 0;
	uint32_t seq = c->request_seq;
	struct emit_message m;
	uint64_t again_ns = 0;

	for (unsigned int i = 0; i < b->count; i++) {
		g->message = base + bytes;
		bytes += request_text(g, c);
		c->requests++;
		b->truth[i].request_seq = seq;
		seq = c->request_seq + (uint32_t)bytes;
		b->truth[i].request_end = seq;
	}
	g->message = base;
	m = message_of(g, c, DIRECTION_REQUEST, bytes);
	for (unsigned int i = 0; i < b->count; i++)
		b->truth[i].flow = emit_flow(&m);
	if (emit_message(g->emit, &m, b->truth[0].time_ns, 0))
		return -1;
	if (b->lost_at != HOP_COUNT)
		again_ns = RETRANSMIT_NS;
	else if (chance(g, g->o->duplicate_permille))
		again_ns = 5000000;
	if (again_ns && emit_again(g->emit, &m, b->truth[0].time_ns, again_ns, b->lost_at))
		return -1;
	c->request_seq = seq;
	return 0;
}

static int send_reply(struct generator *g, struct connection *c, struct synthetic_truth *t)
{
	size_t bytes = reply_text(g);
	struct emit_message m = message_of(g, c, DIRECTION_REPLY, bytes);

	c->reply_seq += (uint32_t)bytes;
	t->reply_end = c->reply_seq;
	return emit_message(g->emit, &m, t->time_ns, c->request_seq) ||
			       emit_exits(g->emit, &m, t->time_ns) ||
			       (g->delayed && emit_delay(g->emit, &m, t->time_ns))
		       ? -1
		       : 0;
}

static int one_burst(struct generator *g, struct connection *c, unsigned int count)
{
	struct burst b = {.count = count, .lost_at = HOP_COUNT};
	uint64_t t;

	g->delayed =
		g->o->delay_ns && (!g->o->delay_permille || chance(g, g->o->delay_permille));
	b.polls = chance(g, g->o->poll_permille);
	if (!g->o->remote_client && chance(g, g->o->retransmit_permille))
		b.lost_at = HOP_CLIENT_XMIT;
	t = walk_in(g, &b, c->next_ns);
	for (unsigned int i = 0; i < count; i++) {
		t = walk_out(g, &b.truth[i], i ? &b.truth[i - 1] : NULL, b.polls, t);
		t += takes(g, HOP_APP_WRITE);
	}
	if (send_requests(g, c, &b))
		return -1;
	for (unsigned int i = 0; i < count; i++) {
		if (send_reply(g, c, &b.truth[i]))
			return -1;
		if (g->truth)
			g->truth(g->ctx, &b.truth[i]);
	}
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (b.truth[count - 1].time_ns[hop] > c->next_ns)
			c->next_ns = b.truth[count - 1].time_ns[hop];
	c->next_ns += THINK_NS + draw(g, THINK_NS);
	return 0;
}

static struct connection *earliest(struct generator *g)
{
	struct connection *c = g->connections;

	for (unsigned int i = 1; i < g->connection_count; i++)
		if (g->connections[i].next_ns < c->next_ns)
			c = &g->connections[i];
	return c;
}

static int generate(struct generator *g)
{
	unsigned int depth = g->o->pipeline ? g->o->pipeline : 1, count;

	if (depth > BURST_MAX)
		depth = BURST_MAX;
	for (unsigned int i = 0; i < g->connection_count; i++)
		connect(g, &g->connections[i], START_NS + i * 7000u);
	for (unsigned int left = g->o->requests; left; left -= count) {
		struct connection *c = earliest(g);

		count = left < depth ? left : depth;
		if (g->o->per_connection && c->requests >= g->o->per_connection)
			connect(g, c, c->next_ns);
		if (emit_clocks(g->emit, c->next_ns) || one_burst(g, c, count))
			return -1;
	}
	return emit_finish(g->emit);
}

int synthetic_write(struct recording_writer *w, const struct synthetic_options *o,
		    synthetic_truth_fn truth, void *ctx)
{
	struct generator g = {.o = o, .random = o->seed, .truth = truth, .ctx = ctx};
	int failed = -1;

	if (o->reply_bytes > MESSAGE_MAX - 1024)
		return err_set("a synthetic reply has at most %u bytes", MESSAGE_MAX - 1024);
	g.connection_count = o->connections ? o->connections : 1;
	if (g.connection_count > CONNECTIONS_MAX)
		g.connection_count = CONNECTIONS_MAX;
	g.connections = calloc(g.connection_count, sizeof(*g.connections));
	g.message = malloc(MESSAGE_MAX);
	g.emit = emit_create(w, o, START_NS);
	if (!g.connections || !g.message)
		err_set("out of memory for a synthetic recording");
	else if (g.emit)
		failed = generate(&g);
	emit_destroy(g.emit);
	free(g.connections);
	free(g.message);
	return failed;
}

int synthetic_create(const char *path, const struct synthetic_options *o,
		     synthetic_truth_fn truth, void *ctx)
{
	struct recording_writer *w = recording_create(path);
	int failed;

	if (!w)
		return -1;
	failed = synthetic_write(w, o, truth, ctx);
	return recording_close(w) || failed ? -1 : 0;
}
