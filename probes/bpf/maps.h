/*
 * The maps, and the ways to emit an event. Every object defines the maps weakly; the BPF
 * linker makes one of each.
 *
 * Two rings per CPU, for one shared by two CPUs carries a third of what one CPU does alone: one
 * of events, as probes/bpf/config.h describes it, and a BPF ring buffer of wire records, which
 * are rare and long. Nothing wakes the reader: it polls.
 */
#ifndef STRATA_PROBES_BPF_MAPS_H
#define STRATA_PROBES_BPF_MAPS_H

#include "probes/bpf/kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

#include "lib/event.h"
#include "lib/hop.h"
#include "lib/offcpu.h"
#include "probes/bpf/config.h"

extern const volatile struct bpf_config config;

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* a template: user space creates the real ones */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set to the number of CPUs */
	__type(key, __u32);
	__array(values, struct ring_map);
} rings __weak SEC(".maps");

struct events_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64); /* set before loading: all are of one size */
	__type(key, __u32);
	__type(value, struct strata_event);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set to the number of CPUs */
	__type(key, __u32);
	__array(values, struct events_map);
} events __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct losses);
} losses __weak SEC(".maps");

/* Who has the CPU that another would like. */
struct rival {
	__u64 comm[2];
	__u32 tid; /* 0: nobody */
	__u32 cgroup;
	__u8 vm;
	__u8 woken; /* it ran on this CPU when the other was woken */
	__u16 cpu;
	__u8 reserved[4];
};

/* What a task is to us; gone when the task is. */
struct task_state {
	__u64 run_ns;       /* last switched in */
	__u64 run_used_ns;  /* ... as of the last app.run emitted */
	__u64 send_ns;      /* last entered a send-like system call */
	__u64 exit_ns;      /* vCPU: last left guest mode, no doorbell yet */
	__u64 out_ns;       /* vCPU: last left guest mode; 0 while it is in it */
	__u64 wake_ns;      /* vCPU: woken since it last left guest mode; 0 not */
	__u64 irqs_seen;    /* vCPU: of its VM's irqs at its last kvm.entry */
	__u32 exit;         /* vCPU: why it last left guest mode: lib/exits.h */
	__u64 off_ns;       /* left the CPU; 0: it is on one, or nobody saw it leave */
	__u64 ready_ns;     /* ... and is runnable since; 0: it sleeps */
	__u64 cfs_rq;       /* ... on this run queue, which by then had been */
	__u64 throttled_ns; /* ... throttled for so long */
	struct rival rival; /* ... because this one took the CPU */
	__u32 halt_ns;      /* vCPU: how long it was halted, if it was */
	__u64 read_flow;    /* the connection of which it last read a request; 0 none */
	__u32 read_seq;     /* ... up to this byte */
	__u16 vcpu;         /* its index in the VM */
	__u16 off;          /* OFF_* of lib/offcpu.h, as far as they are known */
	__u8 throttled;     /* ... its quota was used up when it left */
	__u8 helper;        /* it is a thread of this VM's VMM, and no vCPU */
	__u8 vm;            /* it is a vCPU of this VM */
	__u8 worker;        /* it is a vhost worker of this VM */
	__u8 app;           /* it read from a server's socket */
	__u8 woken;         /* vCPU: since it last ran */
	__u8 halted;        /* vCPU: its last exit was to halt */
	__u8 preempted;
	__u8 ran; /* vCPU: was switched in since its last kvm.entry */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks __weak SEC(".maps");

/* For what a server asks: the request that it had read last, up to which byte. */
struct asker {
	__u64 flow;
	__u32 seq;
	__u32 reserved;
};

/* By connection: what was last asked on it by a server of this kernel. Whoever reads that is in
 * this kernel as well (a request that is handed on within the machine) goes on with it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct asker);
} handed_on __weak SEC(".maps");

/* What one CPU remembers from one probe to the next. */
struct cpu_state {
	__u64 irq_ns;              /* the NIC's last interrupt; 0 once a packet took it */
	struct strata_event frame; /* seen at netif_receive_skb, awaited at br_handle_frame */
	__u64 device_ns;           /* the last interrupt of a device that belongs to a VM: */
	__u8 device_vm;            /* ... this one; 0 once it was passed on */
	__u8 message_vm;           /* whose message was sent, not yet accepted; 0 none */
	__u8 waker;                /* enum off_waker: what a task may be woken by now */
	__u64 waker_ns;            /* ... as of then */
	__u64 send_sock;           /* tcp_sendmsg_locked: the socket that was last sent to, */
	__u32 send_end;            /* ... and where that call was going to end */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
} cpus __weak SEC(".maps");

static __always_inline struct cpu_state *this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpus, &zero);
}

/* Whoever is woken in this CPU right after is woken by that. */
static __always_inline void may_wake(enum off_waker waker, __u64 now)
{
	struct cpu_state *cpu = this_cpu();

	if (!cpu)
		return;
	cpu->waker = waker;
	cpu->waker_ns = now;
}

static __always_inline struct task_state *task_state(struct task_struct *t, bool create)
{
	struct task_state *st =
		bpf_task_storage_get(&tasks, t, 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	if (!st && create) {
		__u32 zero = 0;
		struct losses *l = bpf_map_lookup_elem(&losses, &zero);

		if (l)
			l->map_full++;
	}
	return st;
}

static __always_inline void count_ring_full(void)
{
	__u32 zero = 0;
	struct losses *l = bpf_map_lookup_elem(&losses, &zero);

	if (l)
		l->ring_full++;
}

/* Room for a wire record in this CPU's ring; NULL is counted as a loss. */
static __always_inline struct strata_wire *wire_reserve(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&rings, &cpu);
	struct strata_wire *w =
		ring ? bpf_ringbuf_reserve(ring, sizeof(struct strata_wire), 0) : NULL;

	if (!w)
		count_ring_full();
	return w;
}

static __always_inline void wire_submit(struct strata_wire *w)
{
	bpf_ringbuf_submit(w, BPF_RB_NO_WAKEUP);
}

static __always_inline struct strata_event *event_slot(void *ring)
{
	__u32 first = 0, second = 1, at;
	volatile struct ring_writer *w = bpf_map_lookup_elem(ring, &first);
	volatile struct ring_reader *r = bpf_map_lookup_elem(ring, &second);

	if (!w || !r || w->taken - r->read >= w->room)
		return NULL;
	at = RING_ENDS + (__sync_fetch_and_add(&w->taken, 1) & w->mask);
	return bpf_map_lookup_elem(ring, &at);
}

/* Room for an event in this CPU's ring, to be committed; NULL is counted as a loss. */
static __always_inline struct strata_event *event_reserve(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&events, &cpu);
	struct strata_event *e = ring ? event_slot(ring) : NULL;

	if (!e)
		count_ring_full();
	return e;
}

/* From now on it may be read. */
static __always_inline void event_commit(struct strata_event *e, __u64 time_ns)
{
	barrier();
	*(volatile __u64 *)&e->time_ns = time_ns;
}

/* What an event says about the bytes it concerns. */
struct segment {
	__u64 flow;
	__u64 packet;
	__u32 seq;
	__u32 len;
	__u16 client_port;
	__u16 server_port;
	__u8 flags;
	__u8 direction; /* enum strata_direction */
};

/* Where it was seen. */
struct place {
	__u8 device;
	__u8 vm;
};

/* All but the time. */
static __always_inline void event_fill(struct strata_event *e, __u16 hop,
				       const struct segment *s, struct place at)
{
	e->flow = s->flow;
	e->seq = s->seq;
	e->len = s->len;
	e->hop = hop;
	e->domain = config.domain;
	e->flags = s->flags;
	e->cpu = bpf_get_smp_processor_id();
	e->vm = at.vm;
	e->device = at.device;
	e->client_port = s->client_port;
	e->server_port = s->server_port;
	e->queue = 0;
	e->reserved = 0;
	e->tid = 0;
	e->arg32 = 0;
	e->arg64 = 0;
	e->packet = s->packet;
}

static __always_inline void emit_arg(__u16 hop, __u64 time_ns, const struct segment *s,
				     struct place at, __u64 arg64)
{
	struct strata_event *e = event_reserve();

	if (!e)
		return;
	event_fill(e, hop, s, at);
	e->tid = bpf_get_current_pid_tgid();
	e->arg64 = arg64;
	event_commit(e, time_ns);
}

static __always_inline void emit(__u16 hop, __u64 time_ns, const struct segment *s,
				 struct place at)
{
	emit_arg(hop, time_ns, s, at, 0);
}

static __always_inline bool in_sample(__u32 client, __u16 client_port, __u16 server_port)
{
	return config.sample_max == ~0u ||
	       sample_hash(client, client_port, server_port) <= config.sample_max;
}

/* Unrolled over a frozen array: one comparison per configured port. */
static __always_inline bool is_service(__u16 port)
{
#pragma unroll
	for (int i = 0; i < BPF_PORTS_MAX; i++)
		if (config.ports[i] && config.ports[i] == port)
			return true;
	return false;
}

#endif
