/*
 * From a pcap expression to a filter of connections.
 *
 * libpcap compiles it for Ethernet. What it made is then followed along every path that a TCP
 * segment of IPv4 or IPv6 can take, with what is known of such a segment (its type, its
 * protocol, that it is no fragment, where TCP begins) taken for granted: loads of anything else
 * but addresses and ports are refused, and loads relative to the IP header's length become
 * loads of one place.
 */
#include <pcap/pcap.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/filter.h"

#define SNAPLEN   65535
#define IP_AT     14
#define STATES    8       /* told apart per instruction; more are followed one by one */
#define STEPS_MAX 1000000 /* ... up to here */

/* A register: a number that is known, or one that depends on addresses or ports. */
struct value {
	bool known;
	uint32_t number;
};

struct state {
	unsigned int pc;
	struct value a, x;
};

struct walk {
	const struct bpf_insn *code;
	unsigned int count;
	unsigned int version; /* of IP */
	struct state seen[FLOW_FILTER_MAX][STATES];
	uint8_t seen_count[FLOW_FILTER_MAX];
	bool followed[FLOW_FILTER_MAX];
	uint32_t place[FLOW_FILTER_MAX]; /* that each load has */
	bool placed[FLOW_FILTER_MAX];
	bool accepts;
	unsigned int steps;
	const char *why; /* not, if not */
	uint32_t why_byte;
};

static int refuse(struct walk *w, const char *why, uint32_t byte)
{
	w->why = why;
	w->why_byte = byte;
	return -1;
}

/* What a segment of that version has there. 0: that, 1: depends on addresses and ports; -1:
 * something else. */
static int look(unsigned int version, uint32_t at, uint32_t bytes, uint32_t *number)
{
	static const struct {
		uint32_t at, bytes, number;
	} v4[] = {{12, 2, 0x0800}, {14, 1, 0x45}, {20, 2, 0}, {23, 1, 6}},
	  v6[] = {{12, 2, 0x86dd}, {14, 1, 0x60}, {20, 1, 6}};
	uint32_t addresses = version == 4 ? 26 : 22, ports = version == 4 ? 34 : 54;

	for (size_t i = 0; i < (version == 4 ? 4 : 3); i++) {
		const uint32_t *known = version == 4 ? &v4[i].at : &v6[i].at;

		if (at == known[0] && bytes == known[1]) {
			*number = known[2];
			return 0;
		}
	}
	return at >= addresses && at < ports + 4 && bytes <= ports + 4 - at ? 1 : -1;
}

static int load_packet(struct walk *w, const struct bpf_insn *i, const struct state *s,
		       struct value *to)
{
	static const uint32_t sizes[] = {4, 2, 1};
	uint32_t at = i->k, number = 0, size = sizes[BPF_SIZE(i->code) >> 3 & 3];
	int found;

	if (BPF_MODE(i->code) == BPF_IND) {
		if (!s->x.known || s->x.number > SNAPLEN || at > SNAPLEN)
			return refuse(w, "looks at a place that is not the same in all packets",
				      0);
		at += s->x.number;
	}
	found = look(w->version, at, size, &number);
	if (found < 0)
		return refuse(w, "looks at byte %u of a packet", at);
	if (w->placed[s->pc] && w->place[s->pc] != at)
		return refuse(w, "looks at a place that is not the same in all packets", 0);
	w->placed[s->pc] = true;
	w->place[s->pc] = at;
	*to = (struct value){.known = !found, .number = number};
	return 0;
}

static int load(struct walk *w, const struct bpf_insn *i, const struct state *s,
		struct value *to)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		*to = (struct value){true, i->k};
		return 0;
	case BPF_MEM:
		*to = (struct value){false, 0};
		return 0;
	case BPF_ABS:
	case BPF_IND:
		return load_packet(w, i, s, to);
	case BPF_MSH:
		if (i->k != IP_AT || w->version != 4)
			return refuse(w, "looks at byte %u of a packet", i->k);
		*to = (struct value){true, 20};
		return 0;
	default:
		return refuse(w, "asks for a packet's length", 0);
	}
}

/* Which of a jump's ways are open: bit 0 the true one, bit 1 the other. */
static unsigned int ways(const struct bpf_insn *i, const struct state *s)
{
	struct value b = BPF_SRC(i->code) == BPF_X ? s->x : (struct value){true, i->k};
	bool yes;

	if (!s->a.known || !b.known)
		return 3;
	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		yes = s->a.number == b.number;
		break;
	case BPF_JGT:
		yes = s->a.number > b.number;
		break;
	case BPF_JGE:
		yes = s->a.number >= b.number;
		break;
	default:
		yes = s->a.number & b.number;
	}
	return yes ? 1 : 2;
}

static bool same(const struct value *a, const struct value *b)
{
	return a->known == b->known && (!a->known || a->number == b->number);
}

/* Was it here with the same in hand before? */
static bool seen_before(struct walk *w, const struct state *s)
{
	struct state *seen = w->seen[s->pc];
	uint8_t *n = &w->seen_count[s->pc];

	for (uint8_t i = 0; i < *n; i++)
		if (same(&seen[i].a, &s->a) && same(&seen[i].x, &s->x))
			return true;
	if (*n < STATES)
		seen[(*n)++] = *s;
	return false;
}

static int follow(struct walk *w, struct state s);

static int follow_jump(struct walk *w, const struct bpf_insn *i, struct state s)
{
	unsigned int open = ways(i, &s), from = s.pc;

	if (BPF_OP(i->code) == BPF_JA) {
		s.pc = from + 1 + i->k;
		return follow(w, s);
	}
	s.pc = from + 1 + i->jt;
	if (open & 1 && follow(w, s))
		return -1;
	s.pc = from + 1 + i->jf;
	return open & 2 ? follow(w, s) : 0;
}

/* Jumps lead forward only, so this is as deep as the program is long. */
static int follow(struct walk *w, struct state s)
{
	for (; s.pc < w->count; s.pc++) {
		const struct bpf_insn *i = &w->code[s.pc];

		if (seen_before(w, &s))
			return 0;
		if (++w->steps > STEPS_MAX)
			return refuse(w, "has too many ways through it", 0);
		w->followed[s.pc] = true;
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			if (load(w, i, &s, &s.a))
				return -1;
			break;
		case BPF_LDX:
			if (load(w, i, &s, &s.x))
				return -1;
			break;
		case BPF_ALU:
			s.a.known = false;
			break;
		case BPF_JMP:
			return follow_jump(w, i, s);
		case BPF_RET:
			w->accepts |= BPF_RVAL(i->code) != BPF_K || i->k;
			return 0;
		case BPF_MISC:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				s.x = s.a;
			else
				s.a = s.x;
			break;
		default: /* stores */
			break;
		}
	}
	return refuse(w, "has no end", 0);
}

static int walk_version(struct walk *w, unsigned int version)
{
	w->version = version;
	memset(w->seen_count, 0, sizeof(w->seen_count));
	return follow(w, (struct state){.pc = 0});
}

static bool is_load(const struct bpf_insn *i)
{
	return BPF_CLASS(i->code) == BPF_LD || BPF_CLASS(i->code) == BPF_LDX;
}

/* Every load with its place; one that no TCP segment comes to may load anything. */
static void resolve(const struct walk *w, struct flow_filter *out)
{
	out->count = w->count;
	for (unsigned int i = 0; i < w->count; i++) {
		const struct bpf_insn *from = &w->code[i];
		struct sock_filter *to = &out->code[i];

		*to = (struct sock_filter){from->code, from->jt, from->jf, from->k};
		if (!w->followed[i] && is_load(from))
			*to = (struct sock_filter){(__u16)(BPF_CLASS(from->code) | BPF_IMM), 0,
						   0, 0};
		else if (w->placed[i])
			*to = (struct sock_filter){
				(__u16)(BPF_LD | BPF_ABS | BPF_SIZE(from->code)), 0, 0,
				w->place[i]};
		else if (BPF_CLASS(from->code) == BPF_LDX && BPF_MODE(from->code) == BPF_MSH)
			*to = (struct sock_filter){BPF_LDX | BPF_IMM, 0, 0, 20};
	}
}

static int convert(const struct bpf_program *p, const char *expression, struct flow_filter *out)
{
	static __thread struct walk w;
	char why[64];

	memset(&w, 0, sizeof(w));
	w.code = p->bf_insns;
	w.count = p->bf_len;
	if (w.count > FLOW_FILTER_MAX)
		return err_set("the filter \"%s\" is too long: it has %u instructions, %d are "
			       "possible",
			       expression, w.count, FLOW_FILTER_MAX);
	if (walk_version(&w, 4) || walk_version(&w, 6)) {
		snprintf(why, sizeof(why), w.why, w.why_byte);
		return err_set(
			"the filter \"%s\" %s: of a connection only addresses, ports and "
			"protocols are known (host, net, port, portrange, ip, ip6, tcp "
			"with src, dst, and, or, not)",
			expression, why);
	}
	if (!w.accepts)
		return err_set("the filter \"%s\" is true of no TCP connection", expression);
	resolve(&w, out);
	return flow_filter_valid(out)
		       ? 0
		       : err_set("the filter \"%s\" computes what strata cannot", expression);
}

int filter_compile(struct flow_filter *out, const char *expression)
{
	struct flow_filter made = {.count = 0};
	struct bpf_program p;
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAPLEN);
	int result;

	if (!pcap)
		return err_set("out of memory for a filter");
	if (pcap_compile(pcap, &p, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		result = err_set("the filter \"%s\": %s (see pcap-filter(7))", expression,
				 pcap_geterr(pcap));
	} else {
		result = convert(&p, expression, &made);
		pcap_freecode(&p);
	}
	pcap_close(pcap);
	if (!result)
		*out = made;
	return result;
}
