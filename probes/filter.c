/* From classic BPF to eBPF: see filter.h. */
#include "probes/filter.h"

#include <string.h>

#include "lib/err.h"

/* Registers of eBPF that stand for the classic ones. */
#define A      BPF_REG_0
#define PACKET BPF_REG_1
#define X      BPF_REG_2

#define MEMORY_BYTES 64 /* the classic machine's sixteen words, below the frame pointer */
#define TO_END       (FLOW_FILTER_MAX + 1)

/* Three for a classic instruction at most, and the beginning. */
_Static_assert(3 * FLOW_FILTER_MAX + 3 + MEMORY_BYTES / 8 <= FILTER_ROOM, "it fits");

struct translation {
	struct bpf_insn code[FILTER_ROOM];
	unsigned int target[FILTER_ROOM]; /* of jumps: 1 + a classic instruction, or TO_END */
	unsigned int count;
	unsigned int start[FLOW_FILTER_MAX];
};

static void emit(struct translation *t, int code, int dst, int src, int off, __u32 imm)
{
	t->code[t->count++] = (struct bpf_insn){.code = (__u8)code,
						.dst_reg = (__u8)dst,
						.src_reg = (__u8)src,
						.off = (__s16)off,
						.imm = (__s32)imm};
}

static void emit_jump(struct translation *t, int code, int src, __u32 imm, unsigned int target)
{
	t->target[t->count] = target;
	emit(t, code, A, src, 0, imm);
}

static int memory_at(const struct sock_filter *i)
{
	return -MEMORY_BYTES + 4 * (int)i->k;
}

static void load(struct translation *t, const struct sock_filter *i, int to)
{
	static const int widths[] = {32, 16, 8};

	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		emit(t, BPF_ALU | BPF_MOV | BPF_K, to, 0, 0, i->k);
		return;
	case BPF_MEM:
		emit(t, BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_10, memory_at(i), 0);
		return;
	default:
		emit(t, BPF_LDX | BPF_MEM | BPF_SIZE(i->code), to, PACKET,
		     FLOW_PACKET_PADDING + (int)i->k, 0);
		if (BPF_SIZE(i->code) != BPF_B)
			emit(t, BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0,
			     (__u32)widths[BPF_SIZE(i->code) >> 3]);
	}
}

static void jump(struct translation *t, const struct sock_filter *i, unsigned int next)
{
	if (BPF_OP(i->code) == BPF_JA) {
		emit_jump(t, BPF_JMP | BPF_JA, 0, 0, 1 + next + i->k);
		return;
	}
	emit_jump(t, BPF_JMP32 | BPF_OP(i->code) | BPF_SRC(i->code),
		  BPF_SRC(i->code) == BPF_X ? X : 0, BPF_SRC(i->code) == BPF_X ? 0 : i->k,
		  1 + next + i->jt);
	if (i->jf)
		emit_jump(t, BPF_JMP | BPF_JA, 0, 0, 1 + next + i->jf);
}

static void leave(struct translation *t, const struct sock_filter *i)
{
	if (BPF_RVAL(i->code) == BPF_A)
		emit_jump(t, BPF_JMP32 | BPF_JEQ | BPF_K, 0, 0, TO_END);
	emit(t, BPF_ALU | BPF_MOV | BPF_K, A, 0, 0, BPF_RVAL(i->code) == BPF_A || i->k ? 1 : 0);
	emit_jump(t, BPF_JMP | BPF_JA, 0, 0, TO_END);
}

static void translate_one(struct translation *t, const struct sock_filter *i, unsigned int next)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		load(t, i, A);
		break;
	case BPF_LDX:
		load(t, i, X);
		break;
	case BPF_ST:
		emit(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, A, memory_at(i), 0);
		break;
	case BPF_STX:
		emit(t, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, X, memory_at(i), 0);
		break;
	case BPF_ALU:
		if (BPF_SRC(i->code) == BPF_X)
			emit(t, i->code, A, X, 0, 0);
		else
			emit(t, i->code, A, 0, 0, BPF_OP(i->code) == BPF_NEG ? 0 : i->k);
		break;
	case BPF_JMP:
		jump(t, i, next);
		break;
	case BPF_RET:
		leave(t, i);
		break;
	default:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			emit(t, BPF_ALU | BPF_MOV | BPF_X, X, A, 0, 0);
		else
			emit(t, BPF_ALU | BPF_MOV | BPF_X, A, X, 0, 0);
	}
}

/* Classic registers and memory are 0 at first; the verifier wants a pointer looked at. */
static void begin(struct translation *t)
{
	emit(t, BPF_ALU | BPF_MOV | BPF_K, A, 0, 0, 0);
	t->target[t->count] = TO_END;
	emit(t, BPF_JMP | BPF_JEQ | BPF_K, PACKET, 0, 0, 0);
	emit(t, BPF_ALU | BPF_MOV | BPF_K, X, 0, 0, 0);
	for (int at = 0; at < MEMORY_BYTES; at += 8)
		emit(t, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, at - MEMORY_BYTES, 0);
}

int filter_translate(const struct flow_filter *f, struct bpf_insn out[FILTER_ROOM])
{
	static __thread struct translation t;
	unsigned int spare;

	if (!f->count || !flow_filter_valid(f))
		return err_set("the filter is no program that could be run");
	memset(&t, 0, sizeof(t));
	begin(&t);
	for (unsigned int i = 0; i < f->count; i++) {
		t.start[i] = t.count;
		translate_one(&t, &f->code[i], i + 1);
	}
	for (unsigned int i = 0; i < t.count; i++) {
		unsigned int to = t.target[i] == TO_END ? t.count
				  : t.target[i]         ? t.start[t.target[i] - 1]
							: i + 1;

		if (t.target[i])
			t.code[i].off = (__s16)(to - i - 1);
	}
	/* the verifier removes jumps to the next instruction */
	spare = FILTER_ROOM - t.count;
	for (unsigned int i = 0; i < spare; i++)
		out[i] = (struct bpf_insn){.code = BPF_JMP | BPF_JA};
	memcpy(out + spare, t.code, t.count * sizeof(*out));
	return 0;
}

int filter_insert(const struct flow_filter *f, void *elf, size_t bytes)
{
	struct bpf_insn stub[FILTER_ROOM], code[FILTER_ROOM];
	unsigned int places = 0;

	if (filter_translate(f, code))
		return -1;
	for (unsigned int i = 0; i < FILTER_ROOM; i++)
		stub[i] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K,
					    .imm = FILTER_MARK};
	/* code is aligned to eight bytes in the file, as it is in its section */
	for (size_t at = 0; at + sizeof(stub) <= bytes; at += sizeof(stub[0])) {
		uint8_t *here = (uint8_t *)elf + at;

		if (memcmp(here, stub, sizeof(stub)))
			continue;
		memcpy(here, code, sizeof(code));
		places++;
		at += sizeof(stub);
	}
	return places == 1 ? 0
			   : err_set("probes: the filter has %u places to go to, expected one",
				     places);
}
