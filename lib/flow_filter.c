/* Filters of connections: see flow_filter.h. */
#include "lib/flow_filter.h"

#include <string.h>

#define ETHERTYPE_AT 12
#define IP_AT        14
#define MEMORY_WORDS 16 /* BPF_MEMWORDS */

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void flow_packet_fill(uint8_t packet[FLOW_PACKET_BYTES], const uint8_t src[16],
		      const uint8_t dst[16], uint16_t src_port, uint16_t dst_port)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t *frame = packet + FLOW_PACKET_PADDING, *ip = frame + IP_AT, *tcp;

	memset(packet, 0, FLOW_PACKET_BYTES);
	if (!memcmp(src, mapped, sizeof(mapped))) {
		put16(frame + ETHERTYPE_AT, 0x0800);
		ip[0] = 0x45;
		ip[9] = 6;
		memcpy(ip + 12, src + 12, 4);
		memcpy(ip + 16, dst + 12, 4);
		tcp = ip + 20;
	} else {
		put16(frame + ETHERTYPE_AT, 0x86dd);
		ip[0] = 0x60;
		ip[6] = 6;
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
		tcp = ip + 40;
	}
	put16(tcp, src_port);
	put16(tcp + 2, dst_port);
}

/* ---- which programs may be run ---- */

static bool load_valid(const struct sock_filter *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		return true;
	case BPF_MEM:
		return i->k < MEMORY_WORDS;
	case BPF_ABS:
		return BPF_CLASS(i->code) == BPF_LD &&
		       i->k <= FLOW_PACKET_BYTES - FLOW_PACKET_PADDING - 4;
	default:
		return false;
	}
}

static bool alu_valid(const struct sock_filter *i)
{
	unsigned int op = BPF_OP(i->code);

	if (op > BPF_XOR || (op == BPF_NEG && BPF_SRC(i->code) == BPF_X))
		return false;
	if (BPF_SRC(i->code) == BPF_K && (op == BPF_DIV || op == BPF_MOD))
		return i->k != 0;
	if (BPF_SRC(i->code) == BPF_K && (op == BPF_LSH || op == BPF_RSH))
		return i->k < 32;
	/* by an X that nobody knows: not worth the checks */
	return BPF_SRC(i->code) == BPF_K ||
	       (op != BPF_DIV && op != BPF_MOD && op != BPF_LSH && op != BPF_RSH);
}

static bool jump_valid(const struct sock_filter *i, unsigned int left)
{
	if (BPF_OP(i->code) == BPF_JA)
		return i->k < left;
	return BPF_OP(i->code) <= BPF_JSET && i->jt < left && i->jf < left;
}

static bool instruction_valid(const struct sock_filter *i, unsigned int left)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load_valid(i);
	case BPF_ST:
	case BPF_STX:
		return i->k < MEMORY_WORDS;
	case BPF_ALU:
		return alu_valid(i);
	case BPF_JMP:
		return jump_valid(i, left);
	case BPF_RET:
		return BPF_RVAL(i->code) == BPF_K || BPF_RVAL(i->code) == BPF_A;
	default:
		return BPF_MISCOP(i->code) == BPF_TAX || BPF_MISCOP(i->code) == BPF_TXA;
	}
}

bool flow_filter_valid(const struct flow_filter *f)
{
	if (f->count > FLOW_FILTER_MAX ||
	    (f->count && BPF_CLASS(f->code[f->count - 1].code) != BPF_RET))
		return false;
	for (unsigned int i = 0; i < f->count; i++)
		if (!instruction_valid(&f->code[i], f->count - i - 1))
			return false;
	return true;
}

/* ---- running one ---- */

static uint32_t load(const struct sock_filter *i, const uint8_t *frame, const uint32_t *memory)
{
	const uint8_t *at = frame + i->k;

	if (BPF_MODE(i->code) == BPF_IMM)
		return i->k;
	if (BPF_MODE(i->code) == BPF_MEM)
		return memory[i->k];
	switch (BPF_SIZE(i->code)) {
	case BPF_B:
		return at[0];
	case BPF_H:
		return (uint32_t)at[0] << 8 | at[1];
	default:
		return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
		       at[3];
	}
}

static uint32_t compute(unsigned int op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_MOD:
		return a % b;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << b;
	case BPF_RSH:
		return a >> b;
	default: /* BPF_NEG */
		return 0u - a;
	}
}

static unsigned int jump(const struct sock_filter *i, uint32_t a, uint32_t b)
{
	switch (BPF_OP(i->code)) {
	case BPF_JA:
		return i->k;
	case BPF_JEQ:
		return a == b ? i->jt : i->jf;
	case BPF_JGT:
		return a > b ? i->jt : i->jf;
	case BPF_JGE:
		return a >= b ? i->jt : i->jf;
	default:
		return a & b ? i->jt : i->jf;
	}
}

static bool run(const struct flow_filter *f, const uint8_t *frame)
{
	uint32_t a = 0, x = 0, memory[MEMORY_WORDS] = {0};

	/* jumps lead forward only, and the last instruction returns */
	for (unsigned int pc = 0;; pc++) {
		const struct sock_filter *i = &f->code[pc];
		uint32_t operand = BPF_SRC(i->code) == BPF_X ? x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			a = load(i, frame, memory);
			break;
		case BPF_LDX:
			x = load(i, frame, memory);
			break;
		case BPF_ST:
			memory[i->k] = a;
			break;
		case BPF_STX:
			memory[i->k] = x;
			break;
		case BPF_ALU:
			a = compute(BPF_OP(i->code), a, operand);
			break;
		case BPF_JMP:
			pc += jump(i, a, operand);
			break;
		case BPF_RET:
			return (BPF_RVAL(i->code) == BPF_A ? a : i->k) != 0;
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
}

bool flow_filter_matches(const struct flow_filter *f, const uint8_t client[16],
			 const uint8_t server[16], uint16_t client_port, uint16_t server_port)
{
	uint8_t packet[FLOW_PACKET_BYTES];

	if (!f->count)
		return true;
	flow_packet_fill(packet, client, server, client_port, server_port);
	if (run(f, packet + FLOW_PACKET_PADDING))
		return true;
	flow_packet_fill(packet, server, client, server_port, client_port);
	return run(f, packet + FLOW_PACKET_PADDING);
}
