/*
 * The event: one observation of one packet, interrupt or task at one hop.
 *
 * Every observer (eBPF in the host, eBPF in a guest, the VMM's threads) emits this
 * record and no other. BPF C and user C both include this file, so it uses only
 * the kernel's fixed-width types and pulls in nothing.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC in the emitting clock domain; the tracer
 * brings all domains onto the host's line (lib/clock.h).
 */
#ifndef STRATA_LIB_EVENT_H
#define STRATA_LIB_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum event_flags {
	EVENT_IPV6 = 1 << 0,     /* the flow is IPv6 */
	EVENT_FIN = 1 << 1,      /* the segment carries FIN or RST */
	EVENT_CONTEXT = 1 << 2,  /* no flow: belongs to a task, a vCPU or an interrupt */
	EVENT_INFERRED = 1 << 3, /* the exact probe is unavailable, a neighbour marked it */
	EVENT_UPTO = 1 << 4,     /* only the range's end is known: seq is that end, len is 0 */
	EVENT_WIRE = 1 << 5, /* in a ring: a struct strata_wire begins, reserved slots more */
	/* A wire record of what the application wrote or read, where the wire has ciphertext:
	 * len counts plaintext, arg64 is the range of TCP's bytes, first << 32 | end. */
	EVENT_PLAIN = 1 << 6,
};

struct strata_event {
	__u64 time_ns;     /* CLOCK_MONOTONIC of its domain */
	__u64 flow;        /* flow_hash() of the connection; 0 if EVENT_CONTEXT */
	__u32 seq;         /* TCP sequence number of the first payload byte */
	__u32 len;         /* payload bytes; the range is [seq, seq + len) */
	__u16 hop;         /* enum strata_hop (lib/hop.h) */
	__u8 domain;       /* clock domain: 0 the host, 1.. guests */
	__u8 flags;        /* enum event_flags */
	__u16 cpu;         /* CPU number in its domain */
	__u8 vm;           /* 1.. index of the VM, 0 none */
	__u8 device;       /* index in the topology's device table, 0 none */
	__u16 client_port; /* host byte order */
	__u16 server_port;
	__u16 queue;
	__u16 reserved;
	__u32 tid;    /* task that was running */
	__u32 arg32;  /* per hop, see probes/ */
	__u64 arg64;  /* per hop, see probes/ */
	__u64 packet; /* the skb's head in its kernel; 0 where there is no skb */
};

#ifndef __bpf__
_Static_assert(sizeof(struct strata_event) == 64, "an event is one cache line");
#endif

/*
 * What the wire probe emits beside its event: the first bytes of the TCP payload, from
 * which requests and replies are told apart. total is the payload's true length.
 */
#define WIRE_PAYLOAD_MAX 512

struct strata_wire {
	struct strata_event event;
	__u8 client_addr[16]; /* IPv4 as v4-mapped IPv6 */
	__u8 server_addr[16];
	__u16 captured; /* bytes of payload[] in use */
	__u16 reserved[3];
	__u8 payload[WIRE_PAYLOAD_MAX];
};

#ifndef __bpf__
/* Slots of a ring of events that such a record takes; those of the largest. */
static inline __u32 wire_slots(__u32 captured)
{
	return (__u32)((sizeof(struct strata_wire) - WIRE_PAYLOAD_MAX + captured +
			sizeof(struct strata_event) - 1) /
		       sizeof(struct strata_event));
}

#define WIRE_SLOTS_MAX 10
#endif

/* Multipliers: splitmix64, Steele et al. 2014. */
static inline __u64 flow_mix(__u64 h, __u64 v)
{
	h ^= v;
	h *= 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebULL;
	h ^= h >> 31;
	return h;
}

/*
 * The flow's name, equal in every kernel that sees the connection: a 64-bit mix of
 * both addresses (as four 32-bit words each, network order as loaded, v4-mapped for
 * IPv4) and both ports (host order), client first. Every hop of every packet pays for it, hence
 * products that do not wait for one another, added up (multilinear hashing; Lemire and Kaser,
 * The Computer Journal 57, 2014), and mixed once. The multipliers are any odd ones.
 */
static inline __u64 flow_hash(const __u32 client[4], const __u32 server[4], __u16 client_port,
			      __u16 server_port)
{
	__u64 sum = ((__u64)client[0] << 32 | client[1]) * 0x9e3779b97f4a7c15ULL;

	sum += ((__u64)client[2] << 32 | client[3]) * 0xd1b54a32d192ed03ULL;
	sum += ((__u64)server[0] << 32 | server[1]) * 0xaef17502108ef2d9ULL;
	sum += ((__u64)server[2] << 32 | server[3]) * 0xdb4f0b9175ae2165ULL;
	sum += ((__u64)client_port << 16 | server_port) * 0xe7037ed1a0b428dbULL;
	return flow_mix(0, sum);
}

/*
 * Which connections a sample takes: evenly spread, the same in every kernel, and much cheaper
 * than the flow's name, for it is what every packet that is not traced has to pay. Only the
 * last 32 bits of the client's address count; Fibonacci hashing (Knuth, volume 3, 6.4).
 */
static inline __u32 sample_hash(__u32 client, __u16 client_port, __u16 server_port)
{
	__u32 h = (client ^ ((__u32)client_port << 16 | server_port)) * 0x9e3779b1u;

	return (h ^ h >> 15) * 0x85ebca6bu;
}

/* The largest hash of those that one connection in every n has; n from 1. */
static inline __u32 sample_max(__u32 n)
{
	return n > 1 ? (__u32)((1ULL << 32) / n) - 1 : ~0u;
}

#endif
