/*
 * What user space tells the BPF programs, and what they tell it besides events: the types
 * of the read-only configuration and of the maps' keys and values. Both sides include this.
 */
#ifndef STRATA_PROBES_BPF_CONFIG_H
#define STRATA_PROBES_BPF_CONFIG_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define BPF_PORTS_MAX 8

#define NETNS_NONE 0   /* no socket on this kernel is of interest */
#define NETNS_ANY  ~0u /* sockets of every namespace are */

/* Frozen before loading: the verifier drops the code that a configuration does not need. */
struct bpf_config {
	__u32 server_netns; /* inode of the server's network namespace */
	__u32 client_netns;
	__u32 device_seed;
	__u32 sample_max; /* connections whose sample_hash() is not above are traced */
	__u16 ports[BPF_PORTS_MAX];
	__u8 domain;
	__u8 vm_of_sockets; /* what socket and task events carry in .vm */
	__u8 server_device; /* ... and in .device, server's side */
	__u8 client_device;
	__u8 wire_device;
	__u8 wire_vm;
	__u8 vms;           /* there are VMs whose vCPUs are followed */
	__u8 irqs;          /* interrupts of the uplink are known: bind them to packets */
	__u8 exact_bridge;  /* br_handle_frame is traced: netif_receive_skb only prepares */
	__u8 exact_kick;    /* ioeventfd_write is traced: kvm_mmio only counts what has one */
	__u8 workers;       /* there are vhost workers to follow */
	__u8 any_kick;      /* of some VM any doorbell may be a kick */
	__u8 filtered;      /* flow_filter() stands for an expression */
	__u8 inferred_recv; /* no sock_recv_length: tcp_rcv_space_adjust marks client.recv */
	__u8 direct;        /* headers are read where they are: bpf_rdonly_cast(), Linux 6.2 */
	__u8 asks;          /* whoever serves may be a client of another server */
};

/*
 * A CPU's ring of events is an array that user space maps: a cache line of whoever writes, one
 * of whoever reads, and the slots. To write, a slot is taken by an addition (a program may be
 * interrupted by another), filled, and given its time last: what has a time is there to be
 * read (x86-64 keeps the order of stores). The reader sets the time to 0 again before it moves
 * on. A BPF ring buffer does the same with a lock and three calls, which is half of what a hop
 * costs where returns are slow (retpolines, "safe RET").
 */
struct ring_writer {
	__u64 taken; /* slots, since the beginning */
	__u64 room; /* so many may be unread; some slots less than there are, for those who look
		       at the same time */
	__u64 mask; /* slots less 1, a power of two */
	__u64 unused[5];
};

struct ring_reader {
	__u64 read;
	__u64 unused[7];
};

#define RING_ENDS 2 /* elements before the first slot */

/*
 * The devices, hashed without collisions: user space looks for a seed that has none. One
 * look, no helper call: most packets end here.
 */
#define DEVICE_SLOTS 512

struct device_slot {
	__u32 ifindex; /* 0: empty */
	__u32 netns;
	__u8 role; /* enum device_role */
	__u8 device;
	__u8 vm;
	__u8 reserved;
};

static inline __u32 device_slot_of(__u32 ifindex, __u32 netns, __u32 seed)
{
	__u32 h = ifindex * seed + netns; /* no two devices are alike for every seed */

	h ^= h >> 15;
	return (h * 0x9e3779b1u >> 16) % DEVICE_SLOTS;
}

struct kick_key {
	__u64 gpa;
	__u64 vm;
};

#define KICK_ANY (~0ull) /* as gpa: whatever else is written to */

struct kick {
	__u16 queue;
	__u8 ioeventfd; /* KVM signals one; else the VMM answers the access itself */
	__u8 reserved;
};

/* What an interrupt line of the host brings: a VM's number if its own device's, else this. */
#define IRQ_LINE_NIC 0xff

/* A message (MSI, MSI-X) or, with address 0, a line that data is the number of. */
struct irq_key {
	__u64 address;
	__u32 data;
	__u32 vm;
};

enum irq_use { IRQ_UNKNOWN, IRQ_RECEIVE, IRQ_OTHER };

/* Of one VM, so far. */
struct vm_counts {
	__u64 irqs;     /* interrupts of its NIC */
	__u64 accepted; /* interrupts that its vCPUs were given, whatever for */
};

/* Per CPU: events that never reached a ring. */
struct losses {
	__u64 ring_full;
	__u64 map_full;
	__u64 uprobe_requests; /* not lost: requests that nginx's uprobes saw */
};

#endif
