/* The back end without eBPF: see capture.h. */
#include "tracer/capture.h"

#include <pcap/pcap.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/frame.h"
#include "lib/netns.h"

#define SNAP_BYTES   262144
#define BUFFER_BYTES (8 << 20)
#define HOLD_MS      4 /* what the kernel may hold back a frame for */
#define POLL_MAX     100000
#define PIPELINED    1024
#define FILTER_BYTES 256

/* What a frame that passes a device marks, by its direction; the time is the moment at which
 * the kernel hands it to packet sockets. */
static const struct mark {
	enum device_role role;
	enum strata_hop request, reply;
} marks[] = {
	{ROLE_CLIENT, HOP_CLIENT_XMIT, HOP_CLIENT_RX},
	{ROLE_UPLINK, HOP_NIC_RX, HOP_NIC_XMIT},
	{ROLE_PORT, HOP_PORT_XMIT, HOP_PORT_RX},
	{ROLE_SERVER, HOP_STACK_RX, HOP_STACK_XMIT},
	{ROLE_BARE, HOP_NIC_RX, HOP_NIC_XMIT},
};

struct point {
	struct capture *capture;
	pcap_t *pcap;
	const struct mark *mark;
	char name[16];
	uint8_t device, vm;
	bool wire; /* its payload is handed on */
};

struct capture {
	struct point points[TOPOLOGY_DEVICES_MAX];
	unsigned int point_count;
	uint16_t ports[PROBES_PORTS_MAX];
	unsigned int port_count;
	const struct filter *filter;
	struct probes_callbacks callbacks;
	int64_t to_monotonic_ns; /* from the clock of frames, the time of day */
	uint64_t
		pipelined[PIPELINED]; /* connections all of whose bytes are handed on, hashed */
};

/* ---- opening ---- */

static const struct mark *mark_of(enum device_role role)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (marks[i].role == role)
			return &marks[i];
	return NULL;
}

/* "tcp port 80 or tcp port 81", and the same behind up to two VLAN tags. */
static int set_filter(const struct capture *c, pcap_t *pcap)
{
	char ports[FILTER_BYTES] = "", text[4 * FILTER_BYTES];
	struct bpf_program program;
	int failed;

	for (unsigned int i = 0; i < c->port_count; i++)
		snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), "%stcp port %u",
			 i ? " or " : "", c->ports[i]);
	snprintf(text, sizeof(text), "%s or (vlan and (%s or (vlan and (%s))))", ports, ports,
		 ports);
	if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN))
		return err_set("capture: %s", pcap_geterr(pcap));
	failed = pcap_setfilter(pcap, &program);
	pcap_freecode(&program);
	return failed ? err_set("capture: %s", pcap_geterr(pcap)) : 0;
}

static pcap_t *activate(const struct capture *c, const char *device)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_create(device, why);
	int result;

	if (!p) {
		err_set("capture on %s: %s", device, why);
		return NULL;
	}
	pcap_set_snaplen(p, SNAP_BYTES);
	pcap_set_buffer_size(p, BUFFER_BYTES);
	pcap_set_timeout(p, HOLD_MS);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	result = pcap_activate(p);
	if (result < 0)
		err_set("capture on %s: %s (%s); it needs root or CAP_NET_RAW", device,
			pcap_statustostr(result), pcap_geterr(p));
	else if (pcap_datalink(p) != DLT_EN10MB)
		err_set("capture on %s: it is no Ethernet device", device);
	else if (pcap_setnonblock(p, 1, why))
		err_set("capture on %s: %s", device, why);
	else if (!set_filter(c, p))
		return p;
	pcap_close(p);
	return NULL;
}

/* A packet socket belongs to the namespace in which it was made. */
static pcap_t *activate_in(const struct capture *c, int netns_fd, const char *device)
{
	int home = netns_of_pid(0);
	pcap_t *p = NULL;

	if (home < 0)
		return NULL;
	if (netns_inode(home) == netns_inode(netns_fd)) {
		p = activate(c, device);
	} else if (setns(netns_fd, CLONE_NEWNET)) {
		err_errno("enter the network namespace of %s", device);
	} else {
		p = activate(c, device);
		if (setns(home, CLONE_NEWNET)) {
			err_errno("return to our own network namespace");
			if (p)
				pcap_close(p);
			p = NULL;
		}
	}
	close(home);
	return p;
}

static int add_point(struct capture *c, const struct topology_device *d, uint8_t index,
		     bool wire)
{
	struct point *p = &c->points[c->point_count];

	*p = (struct point){.capture = c,
			    .mark = mark_of(d->role),
			    .device = index,
			    .vm = d->vm,
			    .wire = wire};
	if (!p->mark)
		return 0;
	snprintf(p->name, sizeof(p->name), "%s", d->name);
	p->pcap = activate_in(c, d->netns_fd, d->name);
	if (!p->pcap)
		return -1;
	c->point_count++;
	return 0;
}

struct capture *capture_open(const struct topology *t, unsigned int wire,
			     const struct filter *filter, const struct probes_callbacks *cb)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set("capture: out of memory");
		return NULL;
	}
	c->filter = filter;
	c->callbacks = *cb;
	c->port_count = t->port_count;
	memcpy(c->ports, t->ports, sizeof(c->ports));
	for (unsigned int i = 0; i < t->device_count; i++)
		if (add_point(c, &t->devices[i], (uint8_t)(i + 1), i == wire)) {
			capture_close(c);
			return NULL;
		}
	if (c->point_count)
		return c;
	err_set("capture: there is no device on which frames could be seen");
	capture_close(c);
	return NULL;
}

void capture_close(struct capture *c)
{
	for (unsigned int i = 0; i < c->point_count; i++)
		pcap_close(c->points[i].pcap);
	free(c);
}

/* ---- frames ---- */

/* Must what follows a segment's first bytes be seen, too? */
static bool is_pipelined(struct capture *c, const struct frame *f)
{
	uint64_t *slot = &c->pipelined[f->event.flow % PIPELINED];

	if (*slot == f->event.flow)
		return true;
	if (!frame_holds_another(f))
		return false;
	*slot = f->event.flow;
	return true;
}

static void hand_on(const struct point *p, const struct frame *f)
{
	bool all = is_pipelined(p->capture, f);
	struct strata_wire w = {.event = f->event};
	size_t done = 0;

	w.event.hop = f->request ? HOP_NIC_RX : HOP_NIC_QUEUE;
	memcpy(w.client_addr, f->client_addr, sizeof(w.client_addr));
	memcpy(w.server_addr, f->server_addr, sizeof(w.server_addr));
	do {
		size_t left = f->captured - done,
		       n = left < WIRE_PAYLOAD_MAX ? left : WIRE_PAYLOAD_MAX;
		bool last = !all || n == left;

		w.captured = (uint16_t)n;
		memcpy(w.payload, f->payload + done, n);
		w.event.seq = f->event.seq + (uint32_t)done;
		w.event.len = last ? f->event.len - (uint32_t)done : (uint32_t)n;
		w.event.flags = last ? f->event.flags : f->event.flags & (uint8_t)~EVENT_FIN;
		p->capture->callbacks.wire(p->capture->callbacks.ctx, &w);
		done += n;
		if (last)
			return;
	} while (done < f->captured);
}

static void on_frame(unsigned char *user, const struct pcap_pkthdr *h, const unsigned char *at)
{
	const struct point *p = (const void *)user;
	struct capture *c = p->capture;
	struct frame f;

	if (!frame_parse(at, h->caplen, h->len, c->ports, c->port_count, &f) ||
	    !filter_flow(c->filter, f.client_addr, f.server_addr, f.event.client_port,
			 f.event.server_port))
		return;
	/* of the precision that was asked for, tv_usec has nanoseconds */
	f.event.time_ns = (uint64_t)((int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec +
				     c->to_monotonic_ns);
	f.event.hop = (uint16_t)(f.request ? p->mark->request : p->mark->reply);
	f.event.device = p->device;
	f.event.vm = p->vm;
	c->callbacks.events(c->callbacks.ctx, &f.event, 1);
	if (p->wire)
		hand_on(p, &f);
}

int capture_poll(struct capture *c)
{
	int total = 0;

	c->to_monotonic_ns = clock_realtime_to_monotonic_ns();
	for (unsigned int i = 0; i < c->point_count; i++) {
		struct point *p = &c->points[i];
		int n, taken = 0;

		do {
			n = pcap_dispatch(p->pcap, -1, on_frame, (unsigned char *)p);
			if (n < 0)
				return err_set("capture on %s: %s", p->name,
					       pcap_geterr(p->pcap));
			taken += n;
		} while (n && taken < POLL_MAX);
		total += taken;
	}
	return total;
}

void capture_settle(void)
{
	struct timespec t = {.tv_nsec = 5L * HOLD_MS * 1000000};

	nanosleep(&t, NULL);
}

uint64_t capture_lost(const struct capture *c)
{
	struct pcap_stat stat;
	uint64_t lost = 0;

	for (unsigned int i = 0; i < c->point_count; i++)
		if (!pcap_stats(c->points[i].pcap, &stat))
			lost += stat.ps_drop;
	return lost;
}

bool capture_marks(const struct capture *c, enum strata_hop hop)
{
	for (unsigned int i = 0; i < c->point_count; i++)
		if (c->points[i].mark->request == hop || c->points[i].mark->reply == hop)
			return true;
	return false;
}

json_t *capture_meta(const struct capture *c)
{
	json_t *list = json_array();
	char name[32];

	for (unsigned int i = 0; i < c->point_count; i++) {
		snprintf(name, sizeof(name), "pcap/%s", c->points[i].name);
		json_array_append_new(list, json_pack("{s:i,s:s,s:b,s:s,s:i,s:i}", "domain", 0,
						      "name", name, "attached", 1, "why_not",
						      "", "runs", 0, "run_time_ns", 0));
	}
	return list;
}
